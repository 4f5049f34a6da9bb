const USAGE = `Usage: node tools/chaos/dist/main.js COMMAND [options]

  simulate   the production state machine in memory, in virtual time, one seed a run
  matrix     real processes under faults, and a table of how they come out of them
  fuzz       damaged and hostile inputs for every parser of the product, by one seed
  fuzz-calls odd ids, paths and passwords for every command that takes one, by one seed
  planted    changes the program for the worse, and sees that the suites notice`;

type Command = (parameters: readonly string[]) => Promise<number>;

/** Loaded when they are wanted: each brings a different part of the program along. */
const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  simulate: async () => (await import('./simulation/command.js')).simulateCommand,
  fuzz: async () => (await import('./fuzz/command.js')).fuzzCommand,
  'fuzz-calls': async () => (await import('./fuzz/calls/command.js')).fuzzCallsCommand,
  planted: async () => (await import('./planted/command.js')).plantedCommand,
  matrix: async () => (await import('./matrix/matrix.js')).matrix,
};

const [name = '', ...parameters] = process.argv.slice(2);
const command = COMMANDS[name];
if (command === undefined) {
  process.stderr.write(`${USAGE}\n`);
  process.exitCode = name === '--help' ? 0 : 2;
} else {
  process.exitCode = await (await command())(parameters).catch(wrongUsage);
}

/** What Node says of options that a command does not have. */
function wrongUsage(error: Error): number {
  if (!('code' in error) || !String(error.code).startsWith('ERR_PARSE_ARGS_')) throw error;
  process.stderr.write(`${error.message}\nSee: node tools/chaos/dist/main.js ${name} --help\n`);
  return 2;
}
