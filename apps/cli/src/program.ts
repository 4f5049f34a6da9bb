/* What runs calls in a process of its own choosing: the tests' tools. */
export { runProgram } from './command-line.js';
export { describeCommands } from './commands/index.js';
