import { beforeEach, describe, expect, it } from '@jest/globals';
import { MemoryLeases } from '@landfall/testing';
import { decideOnWriter, POOL, writerLease } from './writers.js';

const SITE = 'worker-r1-0';

describe('a segment that another process had before', () => {
  let now: number;
  let leases: MemoryLeases;

  beforeEach(async () => {
    now = 0;
    leases = new MemoryLeases(() => now);
    await leases.takeOver(writerLease(SITE, 'm-1/new'), 'm-1/new', 1_000);
  });

  const begin = (mover: string, seconds = 45, site = SITE) => leases.takeOver(writerLease(site, mover), mover, seconds);
  const decide = (holder: string | null, gone: readonly string[] = [], site = SITE) =>
    decideOnWriter(leases, { site, mover: 'm-1/new', gone }, holder);

  it('is free when nobody had it, or the same process', async () => {
    expect(await decide(null)).toStrictEqual({ kind: 'free' });
    expect(await decide('m-1/new')).toStrictEqual({ kind: 'free' });
  });

  it('is held while that one’s lease runs, whatever the claiming one says of it', async () => {
    await begin('m-0/old');
    expect(await decide('m-0/old', ['m-0/old'])).toStrictEqual({ kind: 'held', by: 'm-0/old', expired: false });
  });

  it('stays held after the lease ran out, until the claiming one has seen the other gone', async () => {
    await begin('m-0/old');
    now = 45_000;
    expect(await decide('m-0/old')).toStrictEqual({ kind: 'held', by: 'm-0/old', expired: true });
    expect(await decide('m-0/old', ['m-2/other'])).toStrictEqual({ kind: 'held', by: 'm-0/old', expired: true });
    expect(await decide('m-0/old', ['m-0/old'])).toStrictEqual({ kind: 'free' });
    // Known from then on, to everybody.
    expect(await decide('m-0/old')).toStrictEqual({ kind: 'free' });
    expect(await leases.renew(writerLease(SITE, 'm-0/old'), 'm-0/old', 45)).toBe(false);
  });

  it('is free when that one has left, or has a successor of its name', async () => {
    await begin('m-0/old');
    await leases.release(writerLease(SITE, 'm-0/old'), 'm-0/old');
    expect(await decide('m-0/old')).toStrictEqual({ kind: 'free' });
    await begin('m-0/older');
    await begin('m-0/newer');
    expect(await decide('m-0/older')).toStrictEqual({ kind: 'free' });
  });

  it('is given to nobody whose own lease is not running', async () => {
    expect(await decideOnWriter(leases, { site: SITE, mover: 'm-7/x', gone: [] }, null)).toStrictEqual({
      kind: 'lost',
    });
    now = 1_000_000;
    expect(await decide(null)).toStrictEqual({ kind: 'lost' });
  });

  it('goes on in the pool when the lease ran out, because nobody there can look at another’s process', async () => {
    await begin('m-1/new', 1_000, POOL);
    await begin('m-0/old', 45, POOL);
    expect(await decide('m-0/old', [], POOL)).toStrictEqual({ kind: 'held', by: 'm-0/old', expired: false });
    now = 45_000;
    expect(await decide('m-0/old', [], POOL)).toStrictEqual({ kind: 'free' });
  });
});
