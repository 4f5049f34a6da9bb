import { describe, expect, it } from '@jest/globals';
import { LendingCache } from './lending-cache.js';

const GOOD = { goodForMs: 1000 };

describe('the lending cache', () => {
  it('opens a thing once for several borrowers at the same time and later', async () => {
    const { cache, opened, closed, open } = cacheOf(1);
    await Promise.all([cache.use('a', GOOD, open('a'), pass), cache.use('a', GOOD, open('a'), pass)]);
    expect((await cache.use('a', GOOD, open('a'), async (lent) => lent)).reused).toBe(true);
    expect(opened).toStrictEqual(['a']);
    expect(closed).toStrictEqual([]);
  });

  it('closes the least recently used one when more are idle than may be', async () => {
    const { cache, closed, open } = cacheOf(2);
    for (const key of ['a', 'b', 'a', 'c']) await cache.use(key, GOOD, open(key), pass);
    expect(closed).toStrictEqual(['b']);
  });

  it('closes nothing that somebody has', async () => {
    const { cache, closed, open } = cacheOf(0);
    await cache.use('a', GOOD, open('a'), async () => {
      await cache.use('b', GOOD, open('b'), pass);
      expect(closed).toStrictEqual(['b']);
      await cache.close();
      expect(closed).toStrictEqual(['b']);
    });
    expect(closed).toStrictEqual(['b', 'a']);
  });

  it('opens anew after the time for which a thing is good', async () => {
    let now = 0;
    const { cache, opened, closed, open } = cacheOf(1, () => now);
    await cache.use('a', GOOD, open('a'), pass);
    now = 1000;
    await cache.use('a', GOOD, open('a'), pass);
    expect(opened).toStrictEqual(['a', 'a']);
    expect(closed).toStrictEqual(['a']);
  });

  it('does not lend again what failed in somebody’s hands, and closes it once', async () => {
    const { cache, opened, closed, open } = cacheOf(1);
    await expect(cache.use('a', GOOD, open('a'), () => Promise.reject(new Error('damaged')))).rejects.toThrow(
      /damaged/,
    );
    await cache.use('a', GOOD, open('a'), pass);
    expect(opened).toStrictEqual(['a', 'a']);
    expect(closed).toStrictEqual(['a']);
  });

  it('tries again to open what could not be opened', async () => {
    const { cache, opened, open } = cacheOf(1);
    await expect(cache.use('a', GOOD, () => Promise.reject(new Error('away')), pass)).rejects.toThrow(/away/);
    await cache.use('a', GOOD, open('a'), pass);
    expect(opened).toStrictEqual(['a']);
  });
});

const pass = async (): Promise<void> => undefined;

function cacheOf(idle: number, now?: () => number) {
  const opened: string[] = [];
  const closed: string[] = [];
  const close = async (thing: string): Promise<void> => {
    closed.push(thing);
  };
  const cache = new LendingCache<string>({ idle, close, ...(now === undefined ? {} : { now }) });
  const open = (key: string) => async (): Promise<string> => {
    opened.push(key);
    return key;
  };
  return { cache, opened, closed, open };
}
