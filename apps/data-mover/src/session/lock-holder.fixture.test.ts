import { takeProcessLock } from './process-lock.js';

/** For tests: a process that takes the lock of a name, says so, and lives until it is ended. */
const [folder = '', mover = ''] = process.argv.slice(2);
await takeProcessLock(folder, mover);
process.stdout.write('held\n');
setInterval(() => undefined, 60_000);
