import { relative } from 'node:path';
import type { Test } from '@jest/reporters';
import { inOrder } from './suites.js';

/** In place of Jest's own order, which is by what it remembers of the last run: a fresh clone remembers nothing. */
export default class Sequencer {
  sort(tests: readonly Test[]): Test[] {
    const place = ({ path, context }: Test): string => relative(context.config.rootDir, path);
    return [...tests].sort((left, right) => inOrder(place(left), place(right)));
  }

  /** Asked for by Jest; there is nothing to remember. */
  cacheResults(): void {
    return undefined;
  }
}
