import { takeProcessLock } from './process-lock.js';

/**
 * For tests: a process that takes the lock of a name, says so, and lives until it is ended. Where it may collect garbage
 * (`--expose-gc`) it does so first, after making much of it.
 */
const ROUNDS = 20;
const GARBAGE_BYTES = 4 * 1024 * 1024;

const [folder = '', mover = ''] = process.argv.slice(2);
await takeProcessLock(folder, mover);
for (let round = 0; globalThis.gc !== undefined && round < ROUNDS; round += 1) {
  Buffer.alloc(GARBAGE_BYTES, round);
  globalThis.gc();
  // What was collected is finalized in turns of the event loop that come after.
  await new Promise((resolve) => setImmediate(resolve));
}
process.stdout.write('held\n');
setInterval(() => undefined, 60_000);
