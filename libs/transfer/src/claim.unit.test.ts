import { beforeEach, describe, expect, it } from '@jest/globals';
import { stepKey, type StepId } from '@landfall/domain';
import { aRestorePlan, aRestoreRequest, MemoryBooks, MemoryLeases } from '@landfall/testing';
import { claimSegment } from './claim.js';
import { writerLease } from './writers.js';

const BEFORE: readonly StepId[] = ['plan', 'create-empty-disks', 'launch-worker'];

describe('a segment', () => {
  let books: MemoryBooks;
  let segmentId: string;

  beforeEach(async () => {
    books = new MemoryBooks();
    await books.transaction(async (tx) => {
      await tx.createRestore({ id: 'r1', request: aRestoreRequest(), requestedBy: 'olivia' });
      await tx.storePlan('r1', aRestorePlan());
      await tx.moveRestore('r1', { from: 'planning', epoch: 0 }, 'running');
      for (const step of BEFORE) {
        await tx.moveWork('r1', stepKey(step), { from: 'pending', epoch: 0 }, 'running');
        await tx.moveWork('r1', stepKey(step), { from: 'running', epoch: 0 }, 'done');
      }
      await tx.moveWork('r1', stepKey('restore-data'), { from: 'pending', epoch: 0 }, 'running');
      const range = { index: 0, offsetBytes: 0, lengthBytes: 4096 };
      await tx.createSegments([{ restoreId: 'r1', diskName: 'sda', purpose: 'move', ...range }]);
    });
    segmentId = (await books.segments('r1'))[0]!.id;
    await books.transaction((tx) => tx.moveSegment(segmentId, { from: 'pending', epoch: 0 }, 'pending', { epoch: 2 }));
  });

  it('is granted under its own epoch, and under the next one when its job comes twice', async () => {
    const first = await claimSegment(books, { segmentId, epoch: 2, mover: 'a/1', workerId: 'w' });
    expect(first.kind === 'granted' && first.segment.epoch).toBe(2);
    const second = await claimSegment(books, { segmentId, epoch: 2, mover: 'b/1', workerId: 'w' });
    expect(second.kind === 'granted' && second.segment.epoch).toBe(3);
    const grants = await books.transaction((tx) => Promise.all([2, 3, 4].map((epoch) => tx.granted(segmentId, epoch))));
    expect(grants.map((granted) => granted && [granted.grant.mover, granted.grant.workerId])).toStrictEqual([
      ['a/1', 'w'],
      ['b/1', 'w'],
      null,
    ]);
    expect((await claimSegment(books, { segmentId, epoch: 2, mover: 'c/1', workerId: 'w' })).kind).toBe('stale');
  });

  it('is refused to a job of another epoch', async () => {
    for (const epoch of [0, 1, 3]) {
      expect((await claimSegment(books, { segmentId, epoch, mover: 'a/1', workerId: 'w' })).kind).toBe('stale');
    }
    expect((await books.segment(segmentId))?.state).toBe('pending');
  });

  it('is not given to another process as long as the one before may write', async () => {
    const leases = new MemoryLeases();
    for (const mover of ['a/1', 'b/1']) await leases.takeOver(writerLease('w', mover), mover, 60);
    const writers = (mover: string) => ({ leases, claim: { site: 'w', mover, gone: [] } });
    expect((await claimSegment(books, { segmentId, epoch: 2, mover: 'a/1', workerId: 'w' }, writers('a/1'))).kind).toBe(
      'granted',
    );
    const decision = await claimSegment(books, { segmentId, epoch: 2, mover: 'b/1', workerId: 'w' }, writers('b/1'));
    expect({ ...decision, segment: null }).toStrictEqual({ kind: 'held', by: 'a/1', expired: false, segment: null });
  });

  it('is refused once the restore has turned round', async () => {
    await books.transaction((tx) => tx.moveRestore('r1', { from: 'running', epoch: 1 }, 'cancelling'));
    expect((await claimSegment(books, { segmentId, epoch: 2, mover: 'a/1', workerId: 'w' })).kind).toBe('stale');
  });
});
