import { describe, expect, it, jest } from '@jest/globals';
import assert from 'node:assert/strict';
import { RetryableError } from '@landfall/domain';
import type { Held, SegmentGrant } from '@landfall/transfer';
import { claimSegment, HolderStaysError } from './claim.js';

const GRANT = { segmentId: 's', epoch: 3 } as SegmentGrant;
const signal = new AbortController().signal;

/** An API that answers so, one time after the other; the last answer stays. */
function api(...answers: (Held | SegmentGrant)[]) {
  const asked: (readonly string[])[] = [];
  return {
    asked,
    async claim(_id: string, { gone = [] }: { gone?: string[] | undefined }) {
      asked.push([...gone]);
      return answers[Math.min(asked.length, answers.length) - 1]!;
    },
  };
}

const living: Held = { restoreId: 'r', heldBy: 'worker-0/a', expired: false, epoch: 1 };
const delivered: string[] = [];
const deliverOf = async (mover: string): Promise<void> => void delivered.push(mover);

describe('a claim', () => {
  it('waits for one that may still write, and gets the segment when that one has let go', async () => {
    const ports = { api: api(living, GRANT), mover: 'worker-1/b', seeGone: () => assert.fail('it lives'), deliverOf };
    expect(await claimSegment(ports, 's', 2, signal, () => undefined)).toBe(GRANT);
  });

  it('sees one whose lease ran out gone before it is made again', async () => {
    const seen: string[] = [];
    const seeGone = async (mover: string) => void seen.push(mover);
    const ports = { api: api({ ...living, expired: true }, GRANT), mover: 'worker-1/b', seeGone, deliverOf };
    expect(await claimSegment(ports, 's', 2, signal, () => undefined)).toBe(GRANT);
    expect(seen).toStrictEqual(['worker-0/a']);
    expect(ports.api.asked).toStrictEqual([[], ['worker-0/a']]);
    assert.deepEqual(delivered, ['worker-0/a'], 'what it has left is told before its segment is taken');
  });

  it('is given up after a while with one that lives: it may have nothing in hand any more', async () => {
    let now = 0;
    const clock = jest.spyOn(performance, 'now').mockImplementation(() => (now += 2_000));
    try {
      const ports = { api: api(living), mover: 'worker-1/b', seeGone: () => assert.fail('it lives'), deliverOf };
      const claim = claimSegment(ports, 's', 2, signal, () => undefined);
      await expect(claim).rejects.toMatchObject({ code: 'SEGMENT_HELD', kind: 'waiting' });
      expect(ports.api.asked.length).toBeGreaterThan(1);
    } finally {
      clock.mockRestore();
    }
  });

  it('tells whose end could not be seen', async () => {
    const notGone = new RetryableError({ code: 'WRITER_NOT_GONE', message: 'It hangs.', fix: 'Look.' });
    const held = { ...living, expired: true };
    const seeGone = (): Promise<void> => Promise.reject(notGone);
    const ports = { api: api(held), mover: 'worker-1/b', seeGone, deliverOf };
    await assert.rejects(
      claimSegment(ports, 's', 2, signal, () => undefined),
      (error) => {
        assert.ok(error instanceof HolderStaysError);
        expect([error.held, error.cause]).toStrictEqual([held, notGone]);
        return true;
      },
    );
  });

  it('is put off after a while without access to the disk', async () => {
    let now = 0;
    const clock = jest.spyOn(performance, 'now').mockImplementation(() => (now += 2_000));
    const missing = new RetryableError({ code: 'ACCESS_MISSING', message: 'None.', fix: 'Wait.' });
    try {
      const ports = { api: { claim: () => Promise.reject(missing) }, mover: 'm/1', seeGone: deliverOf, deliverOf };
      const claim = claimSegment(ports, 's', 2, signal, () => undefined);
      await expect(claim).rejects.toMatchObject({ code: 'ACCESS_MISSING', kind: 'waiting' });
    } finally {
      clock.mockRestore();
    }
  });
});
