import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
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
    assert.deepEqual(await decide(null), { kind: 'free' });
    assert.deepEqual(await decide('m-1/new'), { kind: 'free' });
  });

  it('is held while that one’s lease runs, whatever the claiming one says of it', async () => {
    await begin('m-0/old');
    assert.deepEqual(await decide('m-0/old', ['m-0/old']), { kind: 'held', by: 'm-0/old', expired: false });
  });

  it('stays held after the lease ran out, until the claiming one has seen the other gone', async () => {
    await begin('m-0/old');
    now = 45_000;
    assert.deepEqual(await decide('m-0/old'), { kind: 'held', by: 'm-0/old', expired: true });
    assert.deepEqual(await decide('m-0/old', ['m-2/other']), { kind: 'held', by: 'm-0/old', expired: true });
    assert.deepEqual(await decide('m-0/old', ['m-0/old']), { kind: 'free' });
    // Known from then on, to everybody.
    assert.deepEqual(await decide('m-0/old'), { kind: 'free' });
    assert.equal(await leases.renew(writerLease(SITE, 'm-0/old'), 'm-0/old', 45), false);
  });

  it('is free when that one has left, or has a successor of its name', async () => {
    await begin('m-0/old');
    await leases.release(writerLease(SITE, 'm-0/old'), 'm-0/old');
    assert.deepEqual(await decide('m-0/old'), { kind: 'free' });
    await begin('m-0/older');
    await begin('m-0/newer');
    assert.deepEqual(await decide('m-0/older'), { kind: 'free' });
  });

  it('is given to nobody whose own lease is not running', async () => {
    assert.deepEqual(await decideOnWriter(leases, { site: SITE, mover: 'm-7/x', gone: [] }, null), { kind: 'lost' });
    now = 1_000_000;
    assert.deepEqual(await decide(null), { kind: 'lost' });
  });

  it('goes on in the pool when the lease ran out, because nobody there can look at another’s process', async () => {
    await begin('m-1/new', 1_000, POOL);
    await begin('m-0/old', 45, POOL);
    assert.deepEqual(await decide('m-0/old', [], POOL), { kind: 'held', by: 'm-0/old', expired: false });
    now = 45_000;
    assert.deepEqual(await decide('m-0/old', [], POOL), { kind: 'free' });
  });
});
