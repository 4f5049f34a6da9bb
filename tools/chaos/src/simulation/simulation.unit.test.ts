import { afterAll, expect, test } from '@jest/globals';
import { installVirtualGlobals } from './virtual-globals.js';

afterAll(installVirtualGlobals());
const { simulate } = await import('./run.js');

async function told(seed: number): Promise<string[]> {
  const lines: string[] = [];
  await simulate({ seed, trace: (line) => lines.push(line) });
  return lines;
}

test('a seed decides everything that happens in a simulation', async () => {
  // The first run in a process fills caches for good, such as a key pair's.
  await told(11);
  const first = await told(12);
  expect(first.length).toBeGreaterThan(500);
  expect(await told(12)).toStrictEqual(first);
  expect((await told(13)).slice(0, 200)).not.toStrictEqual(first.slice(0, 200));
});
