import { enableCompileCache } from 'node:module';

enableCompileCache(); // half of what a short command costs is compiling its sources
const { runProgram } = await import('./command-line.js');
const { describeCommands } = await import('./commands/index.js');

const interrupt = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    // A second Ctrl-C is for a command that does not let go.
    if (interrupt.signal.aborted) process.exit(130);
    interrupt.abort();
  });
}
// `landfall events ID | head` ends the pipe before we do.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));

const code = await runProgram(describeCommands, process.argv.slice(2), {
  terminal: { stdout: process.stdout, stderr: process.stderr },
  signal: interrupt.signal,
});
// Whatever an interrupted call has left open is not waited for.
if (interrupt.signal.aborted) process.exit(code);
process.exitCode = code;
