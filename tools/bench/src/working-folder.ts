import { mkdtemp, rm } from 'node:fs/promises';
import path from 'node:path';
import type { BuiltCheckout } from './built-checkout.js';
import { memoryFolder } from './memory-folder.js';
import type { Report } from './report.js';

/**
 * Works in a new folder, in memory where there is such a place. `uses` names the build whose stack has to be down before the
 * folder is removed: however the work ends, also by a signal, because a stack outlives whoever has started it.
 */
export async function inFolder(
  say: (line: string) => void,
  work: (folder: string, uses: (build: BuiltCheckout) => BuiltCheckout) => Promise<Report>,
): Promise<Report> {
  const folder = await mkdtemp(path.join(await memoryFolder(say), 'landfall-bench-'));
  say(`Working in ${folder}, which is removed in the end.`);
  let running: BuiltCheckout | null = null;
  const clear = async (): Promise<void> => {
    await running?.down();
    await rm(folder, { recursive: true, force: true });
  };
  const end = (): void => void clear().finally(() => process.exit(130));
  const signals = ['SIGINT', 'SIGTERM'] as const;
  for (const signal of signals) process.once(signal, end);
  try {
    return await work(folder, (build) => (running = build));
  } finally {
    for (const signal of signals) process.off(signal, end);
    await clear();
  }
}
