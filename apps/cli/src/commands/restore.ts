import { randomUUID } from 'node:crypto';
import { createInterface } from 'node:readline/promises';
import { type RestoreView, ROUTES } from '@landfall/contract';
import type { Call } from '../command-line.js';
import { EXIT, exitCodeOfRestore, type ExitCode } from '../exit-codes.js';
import { planText, problemsText } from '../output/plan-text.js';
import { ProgressDisplay, progressOf } from '../output/progress.js';
import { restoreText, waysOut } from '../output/restore-text.js';
import { errorText, type Output } from '../output/terminal.js';
import { restoreBody, type RestoreOptions } from '../restore-request.js';
import { connect, type Connection } from '../stack/connect.js';
import { followRestore } from '../stack/follow-restore.js';
import { hasSettled } from '../stack/views.js';
import { badUsage } from '../usage.js';

export interface RestoreCommandOptions extends RestoreOptions {
  readonly watch?: boolean;
  readonly yes?: boolean;
  readonly idempotencyKey?: string;
}

export async function plan({ options, output, signal }: Call<RestoreOptions>): Promise<ExitCode> {
  const body = restoreBody(options);
  const { api } = connect(options.data);
  const made = await api.ask(ROUTES.planRestore, { body, signal });
  output.print(made, () => planText(made));
  return made.problems.some((problem) => problem.severity === 'error') ? EXIT.refused : EXIT.done;
}

/** Asks for the restore and waits until it is planned; with `--watch`, until it has settled. */
export async function restore(call: Call<RestoreCommandOptions>): Promise<ExitCode> {
  const { options, output, signal } = call;
  const body = restoreBody(options);
  const connection = connect(options.data);
  const { api } = connection;
  if (options.to === 'original' && options.yes !== true) await confirmOriginal(signal);
  const asked = await api.ask(ROUTES.createRestore, {
    body,
    headers: { 'idempotency-key': options.idempotencyKey ?? randomUUID() },
    signal,
  });
  output.say(`Restore ${asked.id} is asked for.`);
  if (options.watch === true) return follow(connection, asked.id, call);

  const planned = await followRestore(api, asked.id, {
    signal,
    whyDown: connection.whyDown,
    onChange: () => undefined,
    until: ({ state }) => state !== 'planning',
  });
  output.print(planned, () => restoreText(planned));
  if (hasSettled(planned) && planned.state !== 'completed') return sayEnd(planned, output);
  output.say(`It goes on by itself; follow it with "./landfall watch ${planned.id}".`);
  return EXIT.done;
}

export async function watch(call: Call): Promise<ExitCode> {
  return follow(connect(call.options.data), call.args[0]!, call);
}

async function follow({ api, whyDown }: Connection, id: string, { output, signal }: Call): Promise<ExitCode> {
  const display = new ProgressDisplay(output.terminal.stderr);
  let ended: RestoreView;
  try {
    ended = await followRestore(api, id, {
      signal,
      onChange: (restore) => display.show(progressOf(restore)),
      onEvent: (event) => display.tell(event),
      whyDown,
      onSilence: () => display.say('The API does not answer; waiting for it. The restore goes on meanwhile.'),
    });
  } catch (error) {
    display.end();
    if (signal.aborted) {
      output.say(
        `Restore ${id} goes on. "./landfall watch ${id}" follows it again, "./landfall cancel ${id}" ends it.`,
      );
      return EXIT.interrupted;
    }
    throw error;
  }
  display.end();
  output.print(ended, () => restoreText(ended));
  return sayEnd(ended, output);
}

/** Says on standard error why a restore did not come to a good end. */
function sayEnd(restore: RestoreView, output: Output): ExitCode {
  if (restore.state === 'refused') output.say(`The plan is refused:\n${problemsText(restore.problems)}`);
  else if (restore.error !== null) {
    const but = restore.state === 'completed' ? ', but one of its disks turned out to be bad' : '';
    output.say(`The restore is ${restore.state}${but}.\n${errorText(restore.error).trimEnd()}`);
    const then = waysOut(restore);
    if (then !== null) output.say(`  ${then}`);
  } else if (restore.state !== 'completed') output.say(`The restore is ${restore.state}.`);
  return exitCodeOfRestore(restore);
}

async function confirmOriginal(signal: AbortSignal): Promise<void> {
  const remedy = 'Add --yes once you are sure, or restore to a new place with --to new.';
  if (!process.stdin.isTTY) {
    throw badUsage('CONFIRMATION_NEEDED', 'A restore to the original location replaces the machine.', remedy);
  }
  const prompt = createInterface({ input: process.stdin, output: process.stderr });
  try {
    // The prompt takes Ctrl-C and the end of the input for itself, and would then wait for ever.
    prompt.on('SIGINT', () => process.kill(process.pid, 'SIGINT'));
    const closed = new Promise<string>((resolve) => prompt.once('close', () => resolve('')));
    const question = 'This replaces the machine at its original location. Type "yes" to go on: ';
    const answer = await Promise.race([prompt.question(question, { signal }), closed]);
    if (answer.trim() === 'yes') return;
  } finally {
    prompt.close();
  }
  throw badUsage('NOT_CONFIRMED', 'The restore was not confirmed; nothing was changed.', remedy);
}
