import { breakOff, startTestServers } from './servers.js';

/** Run once before all tests, by Jest, where a suite that needs servers has any. */
export default async function setUp(): Promise<void> {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => void breakOff().finally(() => process.exit(130)));
  }
  await startTestServers();
}
