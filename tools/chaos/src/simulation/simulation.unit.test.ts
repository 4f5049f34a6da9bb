import assert from 'node:assert/strict';
import { test } from 'node:test';
import { installVirtualGlobals } from './virtual-globals.js';

installVirtualGlobals();
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
  assert.ok(first.length > 500);
  assert.deepEqual(await told(12), first);
  assert.notDeepEqual((await told(13)).slice(0, 200), first.slice(0, 200));
});
