import { BadInputError } from '@landfall/domain';
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { EXIT, exitCodeOf, type ExitCode } from './exit-codes.js';
import { Output, type Terminal } from './output/terminal.js';

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
      writeErr: (text) => runtime.terminal.stderr.write(text),
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
  does<O extends CommonOptions>(action: Action<O>): this {
    addCommonOptions(this);
    return this.action(async () => {
      // Also what stands before the command's name: `landfall --data DIR show ID`.
      const options = this.optsWithGlobals<O>();
      const output = new Output(this.#runtime.terminal, options.json === true);
      const { signal } = this.#runtime;
      try {
        this.#finished((await action({ args: this.args, options, output, signal })) ?? EXIT.done);
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

/** For options that may be given several times. */
export function collect(value: string, previous: readonly string[] | undefined): readonly string[] {
  return [...(previous ?? []), value];
}

export function badUsage(code: string, message: string, fix: string): BadInputError {
  return new BadInputError({ code, message, fix });
}
