import { breakOff, startTestServers } from './servers.js';

/** Run once before all tests, by Jest, where a suite that needs servers has any. */
export default async function setUp(): Promise<void> {
  let breakingOff: Promise<void> | null = null;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    // Asked twice, as by a keyboard and by whoever has started this, it does not leave in the middle.
    process.on(signal, () => void (breakingOff ??= breakOff().finally(() => process.exit(130))));
  }
  await startTestServers();
}
