import type { Fuzzed, Target } from '../fuzz/target.js';

/* Parsers that are wrong in the ways that fuzzing has to notice. */
const parser = (read: (input: Buffer) => unknown, mostMs?: number): Fuzzed => ({
  ...(mostMs === undefined ? {} : { mostMs }),
  kind: 'bytes',
  inputs: [Buffer.from('valid'), Buffer.from('other')],
  hostile: [Buffer.from('hostile')],
  refusals: [],
  read: async (input) => {
    if (input.toString() === 'hostile') await read(input);
    return { accepted: true, faults: [] };
  },
});

const kept: unknown[] = [];

export const TARGETS: readonly Target[] = [
  { name: 'throws', share: 1, make: () => parser(() => (null as unknown as Buffer).length) },
  // Its time is not what is wrong with it: a slow machine may take seconds to fill as much.
  { name: 'takes-memory', share: 1, make: () => parser(() => Buffer.alloc(400 * 1024 * 1024, 1), 60_000) },
  {
    name: 'takes-all-memory',
    share: 1,
    make: () =>
      parser(() => {
        for (;;) kept.push(new Array(1_000_000).fill(kept.length));
      }),
  },
  {
    name: 'never-ends',
    share: 1,
    make: () =>
      parser(() => {
        for (let index = 0; ; index += 1) kept[0] = index;
      }),
  },
  { name: 'never-answers', share: 1, make: () => parser(() => new Promise(() => undefined)) },
];
