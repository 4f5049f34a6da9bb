import { parentPort } from 'node:worker_threads';
import type { RunOptions } from './run.js';
import { installVirtualGlobals } from './virtual-globals.js';

/** A thread that simulates the seeds that it is sent, one after the other. */
installVirtualGlobals();
const { simulate } = await import('./run.js');

parentPort?.on('message', ({ seed, mix }: RunOptions) => {
  simulate({ seed, mix }).then(
    (report) => parentPort?.postMessage({ report }),
    (error: unknown) => parentPort?.postMessage({ seed, error: error instanceof Error ? error.stack : String(error) }),
  );
});
