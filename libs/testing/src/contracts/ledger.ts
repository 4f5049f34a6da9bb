import { describe, expect, test } from '@jest/globals';
import {
  newRestoreId,
  stepKey,
  type CallEffect,
  type CallJournal,
  type CallResult,
  type Purpose,
  type RestoreBooks,
} from '@landfall/domain';
import { aRestorePlan, aRestoreRequest } from '@landfall/domain/builders';
import type { RestoreBooksUnderTest } from './restore-books.js';

const STEP = 'create-empty-disks';
const DISK = { creates: { kind: 'disk', role: 'disk', purpose: 'result' } } as const;
const GONE = { removes: 'ours' } as const;
const STAGED = '/groups/Staging/disks/sda';
const FINAL = '/groups/Web/disks/sda';

/** Registers the tests of what calls leave in the ledger, in whatever books. */
export function ledgerContract(name: string, make: () => Promise<RestoreBooksUnderTest>): void {
  const withLedger = async (use: (ledger: Ledger) => Promise<void>): Promise<void> => {
    const made = await make();
    try {
      await use(await ledgerOf(made.books));
    } finally {
      await made.dispose();
    }
  };

  describe(`${name}, as a ledger`, () => {
    test('say what each thing is there for, until when it is kept, and what number Azure gave it', () =>
      withLedger(async ({ books, id, call }) => {
        const keepUntil = new Date('2126-05-01T00:00:00.000Z');
        const kept = { creates: { kind: 'disk', role: 'copy', purpose: 'safety', keepUntil } } as const;
        await call('copy', '/Disks/copy', kept, { instanceId: 'number-1' });
        await call('web', '/vms/web', { creates: { kind: 'vm', role: 'vm', purpose: 'result' } });
        const [copy, web] = await books.ledger(id);
        expect(copy).toStrictEqual({
          ...{ azureId: '/Disks/copy', kind: 'disk', role: 'copy', purpose: 'safety', state: 'created', life: 1 },
          ...{ keepUntil, instanceId: 'number-1', movedFrom: null },
          ...{ createdAt: copy?.createdAt, readAt: copy?.readAt },
        });
        expect([web?.purpose, web?.keepUntil, web?.instanceId]).toStrictEqual(['result', null, null]);
        expect(copy!.readAt.getTime()).toBeGreaterThanOrEqual(copy!.createdAt.getTime());
        const [record] = await books.ledgerOfAll(['/disks/COPY']);
        const owner = { kind: 'restore', id, state: 'running', epoch: 1 };
        expect(record).toStrictEqual({ ...copy, owner, readAt: record?.readAt });
      }));

    test('know a thing of every purpose, and keep the disks from then on that a restore was asked for', () =>
      withLedger(async ({ books, id, call }) => {
        const purposes: readonly Purpose[] = ['result', 'help', 'safety', 'kept', 'brought-back', 'source'];
        for (const purpose of purposes) {
          await call(purpose, `/disks/${purpose}`, { creates: { kind: 'disk', role: 'disk', purpose } });
        }
        await call('gone', '/disks/gone', DISK);
        await call('remove', '/disks/gone', GONE);
        await call('web', '/vms/web', { creates: { kind: 'vm', role: 'vm', purpose: 'result' } });
        const shown = async () => (await books.ledger(id)).map(({ azureId, purpose }) => [azureId, purpose]);
        const before = [...purposes.map((purpose) => [`/disks/${purpose}`, purpose]), ['/disks/gone', 'result']];
        expect(await shown()).toStrictEqual([...before, ['/vms/web', 'result']]);
        await books.transaction(async (tx) => {
          await tx.lockRestore(id);
          await tx.keepDisks(id);
        });
        expect(await shown()).toStrictEqual([['/disks/result', 'kept'], ...before.slice(1), ['/vms/web', 'result']]);
      }));

    test('enter a thing that is made again as another life, and leave the earlier one ended', () =>
      withLedger(async ({ books, call, begun, shown }) => {
        await call('make', '/disks/sda', DISK, { instanceId: 'first' });
        await call('remove', '/disks/SDA', GONE);
        expect(await shown()).toStrictEqual([['/disks/sda', 'removed', 1]]);
        const again = await begun('make', '/Disks/sda', DISK);
        expect(await shown()).toStrictEqual([['/Disks/sda', 'intended', 2]]);
        expect(
          (await books.ledgerOfAll(['/disks/sda'])).map(({ life, instanceId }) => [life, instanceId]),
        ).toStrictEqual([[2, null]]);
        await again.succeeded('make', { instanceId: 'second' });
        await call('make', '/disks/sda', DISK);
        expect(await shown()).toStrictEqual([['/Disks/sda', 'created', 2]]);
        await call('remove', '/disks/sda', GONE);
        await call('other', '/disks/sda', DISK);
        expect(await shown()).toStrictEqual([['/disks/sda', 'created', 3]]);
      }));

    test('let a call that tells late settle the life that it began, and no later one', () =>
      withLedger(async ({ begun, call, shown }) => {
        const late = await begun('make', '/disks/sda', DISK);
        await call('remove', '/disks/sda', GONE);
        await late.succeeded('make');
        expect(await shown()).toStrictEqual([['/disks/sda', 'removed', 1]]);
        await begun('make-again', '/disks/sda', DISK);
        await late.succeeded('make');
        expect(await shown()).toStrictEqual([['/disks/sda', 'intended', 2]]);
      }));

    test('enter what is not ours when it is removed, once for each such thing', () =>
      withLedger(async ({ books, id, begun, call, shown }) => {
        const gone = (instanceId: string) => ({ removes: { kind: 'vm', instanceId } }) as const;
        const removal = await begun('remove', '/vms/Web', gone('one'));
        const [source] = await books.ledger(id);
        expect([source?.purpose, source?.state, source?.instanceId]).toStrictEqual(['source', 'created', 'one']);
        await removal.succeeded('remove');
        await call('remove', '/vms/web', gone('one'));
        expect(await shown()).toStrictEqual([['/vms/Web', 'removed', 1]]);
        await call(
          'make',
          '/vms/web',
          { creates: { kind: 'vm', role: 'vm', purpose: 'result' } },
          { instanceId: 'two' },
        );
        // It stands in the ledger by now: what removes it needs no entry of its own.
        await call('remove-next', '/vms/web', gone('two'));
        expect((await books.ledger(id)).map(({ purpose, state, life }) => [purpose, state, life])).toStrictEqual([
          ['result', 'removed', 2],
        ]);
      }));

    test('know what moves under both of its IDs until it is known to have moved, and under the new one after that', () =>
      withLedger(async ({ books, id, begun, call, shown, end }) => {
        await call('make', STAGED, DISK, { instanceId: 'number-1' });
        const made = (await books.ledger(id))[0];
        await begun('move', STAGED, { moves: { to: FINAL } });
        const moving = await begun('move', STAGED.toUpperCase(), { moves: { to: FINAL } });
        expect(await shown()).toStrictEqual([
          [STAGED, 'created', 1],
          [FINAL, 'intended', 1],
        ]);
        for (const at of [STAGED, FINAL])
          expect((await books.ledgerOfAll([at])).map(({ azureId }) => azureId)).toStrictEqual([at]);
        await moving.succeeded('move');
        await moving.succeeded('move');
        await call('move', STAGED, { moves: { to: FINAL } });
        expect(await shown()).toStrictEqual([
          [STAGED, 'removed', 1],
          [FINAL, 'created', 1],
        ]);
        const moved = (await books.ledger(id))[1];
        expect(moved).toStrictEqual({
          ...{ ...made, azureId: FINAL, movedFrom: STAGED },
          readAt: moved?.readAt,
        });
        expect((await books.events(id)).map(({ type }) => type)).toStrictEqual(['resource.created', 'resource.moved']);
        await end();
        expect((await books.ledgerOfAll([])).map(({ azureId }) => azureId)).toStrictEqual([FINAL]);
      }));

    test('know what was to move and was refused under both of its IDs, too', () =>
      withLedger(async ({ begun, call, shown }) => {
        await call('make', STAGED, DISK);
        const moving = await begun('move', STAGED, { moves: { to: FINAL } });
        await moving.failed('move', { code: 'REFUSED', message: 'm', fix: 'f' });
        expect(await shown()).toStrictEqual([
          [STAGED, 'created', 1],
          [FINAL, 'intended', 1],
        ]);
        await call('remove-there', FINAL, GONE);
        await call('remove-here', STAGED, GONE);
        await begun('make', STAGED, DISK);
        await moving.succeeded('move');
        expect(await shown()).toStrictEqual([
          [FINAL, 'removed', 1],
          [STAGED, 'intended', 2],
        ]);
      }));

    test('keep a change open, with how it was before the first try, until it is known to be undone', () =>
      withLedger(async ({ books, id, begun, call }) => {
        const changes = (was: unknown) => ({ changes: { what: 'power', was } }) as const;
        const open = async () => (await books.openChanges(id)).map(({ azureId, what, was }) => [azureId, what, was]);
        const changed = await begun('stop', '/vms/Web', changes({ state: 'running' }));
        expect(await open()).toStrictEqual([['/vms/Web', 'power', { state: 'running' }]]);
        await changed.failed('stop', { code: 'REFUSED', message: 'm', fix: 'f' });
        await call('stop', '/vms/web', changes({ state: 'deallocated' }));
        await call('static', '/vms/web', { changes: { what: 'address', was: 'Dynamic' } });
        expect(await open()).toStrictEqual([
          ['/vms/Web', 'power', { state: 'running' }],
          ['/vms/web', 'address', 'Dynamic'],
        ]);
        const undoing = await begun('start', '/VMS/web', { changes: { undoes: 'power' } });
        expect((await open()).length).toBe(2);
        await undoing.succeeded('start');
        await undoing.succeeded('start');
        expect(await open()).toStrictEqual([['/vms/web', 'address', 'Dynamic']]);
        await call('stop', '/vms/web', changes(null));
        expect(await open()).toStrictEqual([
          ['/vms/web', 'address', 'Dynamic'],
          ['/vms/web', 'power', null],
        ]);
        await call('attach', '/vms/web', { changes: 'ours' });
        expect([(await open()).length, await books.ledger(id)]).toStrictEqual([2, []]);
      }));
  });
}

type Ledger = Awaited<ReturnType<typeof ledgerOf>>;

/** The ledger of a restore whose step 3 runs. */
async function ledgerOf(books: RestoreBooks) {
  const id = newRestoreId();
  await books.transaction(async (tx) => {
    await tx.createRestore({ id, request: aRestoreRequest(), requestedBy: 'olivia' });
    await tx.storePlan(id, aRestorePlan());
    await tx.moveRestore(id, { from: 'planning', epoch: 0 }, 'running');
    await tx.moveWork(id, stepKey(STEP), { from: 'pending', epoch: 0 }, 'running', { epoch: 1 });
  });
  const begun = async (key: string, azureId: string, effect: CallEffect): Promise<CallJournal> => {
    const journal = books.journal(id, STEP, 1);
    await journal.begin({ key, operation: 'o', azureId, bodyHash: 'h', effect });
    return journal;
  };
  return {
    books,
    id,
    begun,
    call: async (key: string, azureId: string, effect: CallEffect, result: CallResult = {}) =>
      (await begun(key, azureId, effect)).succeeded(key, { azureId, ...result }),
    shown: async () => (await books.ledger(id)).map(({ azureId, state, life }) => [azureId, state, life]),
    end: () =>
      books.transaction(async (tx) => {
        await tx.moveRestore(id, { from: 'running', epoch: 1 }, 'rolling-back');
        await tx.moveRestore(id, { from: 'rolling-back', epoch: 2 }, 'failed');
      }),
  };
}
