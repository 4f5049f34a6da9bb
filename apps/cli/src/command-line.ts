import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { EXIT, exitCodeOf, type ExitCode } from './exit-codes.js';
import { checkedId, type IdKind } from './ids.js';
import { Output, printable, type Terminal } from './output/terminal.js';
import { badUsage } from './usage.js';

/*
 * What all commands share: `--data` and `--json`, an exit code as the action's result, and one place that turns an
 * error into its message. Commands are described in full and load what they need only when they are run.
 */
export interface CommonOptions {
  readonly data?: string;
  readonly json?: boolean;
}

export interface Runtime {
  readonly terminal: Terminal;
  /** Aborted by Ctrl-C and SIGTERM. */
  readonly signal: AbortSignal;
}

/** What an action gets: its arguments in order, its options, where to write. */
export interface Call<O extends CommonOptions = CommonOptions> {
  readonly args: readonly string[];
  readonly options: O;
  readonly output: Output;
  readonly signal: AbortSignal;
}

/** How an action is called and ended. */
export interface Manner {
  /** What its words have to be, in their order; words beyond those are its own affair. */
  readonly ids?: readonly IdKind[];
  /** How long it may take to end by itself once it is interrupted; null: as long as it wants, because it ends others. */
  readonly endsWithinMs?: number | null;
}

/** As long as it takes to say what goes on without this call. */
const ENDS_WITHIN_MS = 300;

export type Action<O extends CommonOptions = CommonOptions> = (call: Call<O>) => Promise<ExitCode | void>;

/** Commander's own command, with the streams and options that every command of ours has. */
export class LandfallCommand extends Command {
  readonly #runtime: Runtime;
  readonly #finished: (code: ExitCode) => void;

  constructor(name: string, runtime: Runtime, finished: (code: ExitCode) => void) {
    super(name);
    this.#runtime = runtime;
    this.#finished = finished;
    this.exitOverride();
    this.allowExcessArguments(false);
    this.helpCommand(false);
    this.configureOutput({
      writeOut: (text) => runtime.terminal.stdout.write(text),
      writeErr: (text) => runtime.terminal.stderr.write(printable(text)),
    });
  }

  override createCommand(name = ''): LandfallCommand {
    return new LandfallCommand(name, this.#runtime, this.#finished);
  }

  /** For the few commands that have no `--data` and `--json`. */
  finish(code: ExitCode): void {
    this.#finished(code);
  }

  /** Makes it a command that does something: `action` runs with its parsed words. */
  does<O extends CommonOptions>(action: Action<O>, { ids = [], endsWithinMs = ENDS_WITHIN_MS }: Manner = {}): this {
    addCommonOptions(this);
    return this.action(async () => {
      // Also what stands before the command's name: `landfall --data DIR show ID`.
      const options = this.optsWithGlobals<O>();
      const output = new Output(this.#runtime.terminal, options.json === true, options.data);
      const { signal } = this.#runtime;
      try {
        checkFolder(options.data);
        for (const [index, word] of this.args.entries()) if (ids[index] !== undefined) checkedId(word, ids[index]);
        const running = action({ args: this.args, options, output, signal });
        this.#finished((await unlessInterrupted(running, signal, endsWithinMs)) ?? EXIT.done);
      } catch (error) {
        if (!signal.aborted) output.error(error);
        this.#finished(signal.aborted ? EXIT.interrupted : exitCodeOf(error));
      }
    });
  }
}

/**
 * Runs a command line, without the program's name, and gives its exit code. What commander objects to is told in its
 * own words, or as JSON where `--json` is among them.
 */
export async function runProgram(
  describe: (program: LandfallCommand) => void,
  words: readonly string[],
  runtime: Runtime,
): Promise<ExitCode> {
  let code: ExitCode = EXIT.done;
  const asJson = words.includes('--json');
  if (words.some((word) => word.includes('\0') || !word.isWellFormed())) {
    new Output(runtime.terminal, asJson).error(
      badUsage('USAGE', 'A word of the call holds a NUL, or half of a character.', 'Leave it out.'),
    );
    return EXIT.badInput;
  }
  const program = new LandfallCommand('landfall', runtime, (finished) => {
    code = finished;
  });
  addCommonOptions(program);
  describe(program);
  if (asJson) silenceUsageErrors(program);
  try {
    await program.parseAsync(words, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return EXIT.done;
    if (asJson) {
      new Output(runtime.terminal, true).error(
        badUsage('USAGE', error.message.replace(/^error: /, ''), 'Add --help to the command to see what it takes.'),
      );
    }
    return EXIT.badInput;
  }
  return code;
}

/** Whatever the work waits for, it is waited for no longer than this once the call is interrupted. */
async function unlessInterrupted<T>(work: Promise<T>, signal: AbortSignal, withinMs: number | null): Promise<T> {
  if (withinMs === null) return work;
  const waited = new AbortController();
  const interrupted = new Promise<never>((_, reject) => {
    const begin = (): void => {
      const timer = setTimeout(() => reject(signal.reason as Error), withinMs);
      waited.signal.addEventListener('abort', () => clearTimeout(timer));
    };
    if (signal.aborted) begin();
    else signal.addEventListener('abort', begin, { once: true, signal: waited.signal });
  });
  try {
    return await Promise.race([work, interrupted]);
  } finally {
    waited.abort();
  }
}

/** An empty variable of a script would mean the working directory. */
function checkFolder(data: string | undefined): void {
  if (data === undefined || data.trim() !== '') return;
  throw badUsage('USAGE', '--data is empty.', 'Name the folder of a stack, or leave the option out.');
}

function addCommonOptions(command: Command): void {
  command.option('--data <folder>', 'folder of the stack (default: .landfall in the working directory)');
  command.option('--json', 'print one JSON document on standard output');
}

function silenceUsageErrors(command: Command): void {
  command.configureOutput({ writeErr: () => undefined });
  for (const child of command.commands) silenceUsageErrors(child);
}

export function choice(flags: string, description: string, values: readonly string[]): Option {
  return new Option(flags, description).choices(values);
}

export function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= least && value <= most) return value;
    throw new InvalidArgumentError(`It must be a whole number from ${least} to ${most}.`);
  };
}

const SECONDS_OF = { s: 1, m: 60, h: 3_600, d: 86_400 } as const;

/** Such as `30m` or `2h`, in seconds. */
export function duration(text: string): number {
  const [, count, unit] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  if (unit !== undefined) return Number(count) * SECONDS_OF[unit as keyof typeof SECONDS_OF];
  throw new InvalidArgumentError('It must be a number of seconds, minutes, hours or days, such as 90s, 30m, 2h or 1d.');
}

/** For options that may be given several times. */
export function collect(value: string, previous: readonly string[] | undefined): readonly string[] {
  return [...(previous ?? []), value];
}
