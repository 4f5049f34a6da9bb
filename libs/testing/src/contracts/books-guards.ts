import { describe, expect, test } from '@jest/globals';
import assert from 'node:assert/strict';
import { type RestoreState, type WorkState, stepKey } from '@landfall/domain';
import type { RestoreBooksUnderTest } from './restore-books.js';
import { withRunningRestore } from './running-restore.js';
import { signal } from './signal.js';

/**
 * Registers the tests of what keeps two writers apart: locks, states, epochs, and the changes that the state machine has. Each
 * holds a single guard: without it, one of them fails.
 */
export function booksGuardsContract(name: string, make: () => Promise<RestoreBooksUnderTest>): void {
  const withRestore = withRunningRestore(make);

  describe(`${name}, with several writers`, () => {
    test('let nobody read a locked restore to decide on it before its writer has committed', () =>
      withRestore(async (books, id, waiting) => {
        const [locked, isLocked] = signal();
        const [asked, goOn] = signal();
        const writing = books.transaction(async (tx) => {
          await tx.lockRestore(id);
          isLocked();
          await asked;
          await tx.moveRestore(id, { from: 'running', epoch: 1 }, 'cancelling');
        });
        await locked;
        const reading = books.transaction((tx) => tx.lockRestore(id));
        await waiting().finally(goOn);
        await writing;
        expect([(await reading)?.state, (await reading)?.epoch]).toStrictEqual(['cancelling', 2]);
      }));

    test('move a step from the state and under the epoch that its writer believes in, and else not', () =>
      withRestore(async (books, id) => {
        const move = (from: WorkState, epoch: number, to: WorkState) =>
          books.transaction((tx) => tx.moveWork(id, stepKey('create-vm'), { from, epoch }, to, { attempts: 7 }));
        await books.transaction((tx) =>
          tx.moveWork(id, stepKey('create-vm'), { from: 'pending', epoch: 0 }, 'running', { epoch: 3 }),
        );
        expect([await move('running', 2, 'done'), await move('running', 4, 'done')]).toStrictEqual([false, false]);
        expect([await move('pending', 3, 'running'), await move('failed', 3, 'pending')]).toStrictEqual([false, false]);
        const step = (await books.restore(id))?.works.find((each) => each.id === 'create-vm');
        expect([step?.state, step?.epoch, step?.attempts]).toStrictEqual(['running', 3, 0]);
        expect(await move('running', 3, 'done')).toBe(true);
      }));

    test('move a segment from the state and under the epoch that its writer believes in, and else not', () =>
      withRestore(async (books, id) => {
        const range = { index: 0, offsetBytes: 0, lengthBytes: 512 };
        await books.transaction((tx) =>
          tx.createSegments([{ restoreId: id, diskName: 'sda', purpose: 'move', ...range }]),
        );
        const [segment] = await books.segments(id);
        assert.ok(segment);
        const move = (from: 'pending' | 'running', epoch: number) =>
          books.transaction((tx) => tx.moveSegment(segment.id, { from, epoch }, 'done', { attempts: 7 }));
        const guard = { from: 'pending', epoch: 0 } as const;
        await books.transaction((tx) => tx.moveSegment(segment.id, guard, 'running', { epoch: 3 }));
        expect([await move('running', 2), await move('running', 4), await move('pending', 3)]).toStrictEqual([
          false,
          false,
          false,
        ]);
        const { state, epoch, attempts } = (await books.segment(segment.id)) ?? segment;
        expect([state, epoch, attempts]).toStrictEqual(['running', 3, 0]);
        expect(await move('running', 3)).toBe(true);
      }));

    const back = { direction: 'back', round: 1, id: 'remove-created' } as const;

    test('move a work of the way back from the state and under the epoch that its writer believes in, and else not', () =>
      withRestore(async (books, id) => {
        const { epoch } = await books.transaction(async (tx) => {
          await tx.lockRestore(id);
          const turn = { round: 1, purpose: 'cancel', cause: null } as const;
          await tx.moveRestore(id, { from: 'running', epoch: 1 }, 'cancelling', { turn });
          return (await tx.openWorks(id, [back]))[0]!;
        });
        const move = (from: WorkState, under: number) =>
          books.transaction((tx) => tx.moveWork(id, back, { from, epoch: under }, 'running'));
        expect([await move('pending', epoch + 1), await move('failed', epoch)]).toStrictEqual([false, false]);
        expect(await move('pending', epoch)).toBe(true);
      }));

    test('write nothing of a change that the state machine does not have', () =>
      withRestore(async (books, id) => {
        const restoreTo = (from: RestoreState, to: RestoreState) =>
          books.transaction((tx) => tx.moveRestore(id, { from, epoch: 1 }, to));
        for (const to of ['planning', 'cancelled', 'rolled-back', 'refused'] as const) {
          await assert.rejects(restoreTo('running', to), /may not go from running to/, to);
        }
        const stepTo = (from: WorkState, to: WorkState) =>
          books.transaction((tx) => tx.moveWork(id, stepKey('create-vm'), { from, epoch: 0 }, to));
        await expect(stepTo('pending', 'done')).rejects.toThrow(/may not go from pending to done/);
        await expect(stepTo('skipped', 'running')).rejects.toThrow(/may not go from skipped to running/);
        const now = await books.restore(id);
        expect([now?.state, now?.epoch]).toStrictEqual(['running', 1]);
        expect(now?.works.every(({ state }) => state === 'pending')).toBeTruthy();
      }));
  });
}

/** Under epoch 1, no step begun. */
