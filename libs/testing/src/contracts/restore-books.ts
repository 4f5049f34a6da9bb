import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { newRestoreId, type RestoreBooks, type StepId } from '@landfall/domain';
import { GIB } from '../builders/restore-point.js';
import { aRestorePlan } from '../builders/restore-plan.js';
import { aRestoreRequest } from '../builders/restore-request.js';

export interface RestoreBooksUnderTest {
  readonly books: RestoreBooks;
  /** Returns once one of its transactions waits for another. Left out where all of them do. */
  waiting?(): Promise<void>;
  dispose(): Promise<void>;
}

type WithBooks = (use: (books: RestoreBooks, waiting: () => Promise<void>) => Promise<void>) => Promise<void>;

/** Registers the tests that all books of restores have to pass; `name` heads them. */
export function restoreBooksContract(name: string, make: () => Promise<RestoreBooksUnderTest>): void {
  const withBooks: WithBooks = async (use) => {
    const made = await make();
    try {
      await use(made.books, async () => made.waiting?.());
    } finally {
      await made.dispose();
    }
  };

  describe(`${name} as RestoreBooks`, () => {
    test('hold a new restore in planning, with all steps pending', () =>
      withBooks(async (books) => {
        const id = await created(books);
        const restore = await books.restore(id);
        assert.deepEqual([restore?.state, restore?.epoch, restore?.plan], ['planning', 0, null]);
        assert.deepEqual(
          restore?.steps.map((step) => [step.number, step.state, step.epoch, step.attempts, step.parked]),
          Array.from({ length: 13 }, (_, number) => [number, 'pending', 0, 0, false]),
        );
        assert.deepEqual(restore?.request, aRestoreRequest());
        assert.equal(await books.restore('r-unknown'), null);
      }));

    test('show restores newest first, by state, and no more than asked for', () =>
      withBooks(async (books) => {
        const first = await created(books);
        const second = await running(books);
        const third = await created(books);
        const ids = async (filter?: Parameters<RestoreBooks['restores']>[0]) =>
          (await books.restores(filter)).map((restore) => restore.id);
        assert.deepEqual(await ids(), [third, second, first]);
        assert.deepEqual(await ids({ states: ['planning'] }), [third, first]);
        assert.deepEqual(await ids({ limit: 1 }), [third]);
      }));

    test('change nothing when a transaction throws', () =>
      withBooks(async (books) => {
        const id = await created(books);
        const broken = books.transaction(async (tx) => {
          await tx.addEvent(id, 'restore.running', 'never');
          await tx.enqueue({ queue: 'planner', jobId: 'j', name: 'n', payload: {} });
          throw new Error('in the middle');
        });
        await assert.rejects(broken, /in the middle/);
        assert.deepEqual(await books.events(id), []);
        assert.deepEqual(await books.claimOutbox(10), []);
      }));

    test('move a restore only from the state and epoch that the writer believes in', () =>
      withBooks(async (books) => {
        const id = await created(books);
        const move = (epoch: number, from: 'planning' | 'running') =>
          books.transaction((tx) => tx.moveRestore(id, { from, epoch }, 'cancelling'));
        assert.equal(await move(1, 'planning'), false);
        assert.equal(await move(0, 'running'), false);
        assert.equal(await move(0, 'planning'), true);
        assert.equal(await move(0, 'planning'), false);
        const restore = await books.restore(id);
        assert.deepEqual([restore?.state, restore?.epoch, restore?.endedAt], ['cancelling', 1, null]);
        await books.transaction((tx) => tx.moveRestore(id, { from: 'cancelling', epoch: 1 }, 'cancelled'));
        assert.ok((await books.restore(id))?.endedAt);
      }));

    test('let one of two writers win that move the same step at once', () =>
      withBooks(async (books) => {
        const id = await running(books);
        const guard = { from: 'pending', epoch: 0 } as const;
        const moves = await Promise.all(
          [1, 2, 3].map(() => books.transaction((tx) => tx.moveStep(id, 'create-vm', guard, 'running', { epoch: 1 }))),
        );
        assert.deepEqual(moves.toSorted(), [false, false, true]);
      }));

    test('number the events of a restore without gaps, in the order of their commits', () =>
      withBooks(async (books) => {
        const id = await created(books);
        const other = await created(books);
        await Promise.all(
          Array.from({ length: 8 }, (_, index) =>
            books.transaction((tx) => tx.addEvent(index % 2 ? id : other, 'note', `number ${index}`, { index })),
          ),
        );
        assert.deepEqual(
          (await books.events(id)).map((event) => event.sequence),
          [1, 2, 3, 4],
        );
        assert.deepEqual(
          (await books.events(id, 2, 1)).map((event) => event.sequence),
          [3],
        );
      }));

    test('keep a plan with its disks, and sum up their bytes over the segments that write', () =>
      withBooks(async (books) => {
        const id = await running(books);
        await books.transaction(async (tx) => {
          await tx.setDiskAzureId(id, 'sda', '/disks/sda');
          const at = { restoreId: id, diskName: 'sda', lengthBytes: GIB };
          await tx.createSegments([
            { ...at, purpose: 'move', index: 0, offsetBytes: 0, dataBytes: 4_096 },
            { ...at, purpose: 'move', index: 1, offsetBytes: 4_000 * GIB },
            { ...at, purpose: 'verify', index: 0, offsetBytes: 0 },
          ]);
        });
        const [segment] = await books.segments(id, { purpose: 'move', limit: 1 });
        assert.ok(segment);
        await books.transaction((tx) => tx.moveSegment(segment.id, { from: 'pending', epoch: 0 }, 'done'));
        const restore = await books.restore(id);
        assert.deepEqual(restore?.disks, [
          {
            name: 'sda',
            from: 'disk:sda',
            role: 'os',
            lun: null,
            azureId: '/disks/sda',
            bytesTotal: 4_096 + GIB,
            bytesDone: 4_096,
          },
        ]);
        assert.deepEqual(restore.plan, aRestorePlan());
        assert.deepEqual(await books.segmentTotals(id), [
          { diskName: 'sda', purpose: 'move', state: 'done', count: 1, bytes: 4_096 },
          { diskName: 'sda', purpose: 'move', state: 'pending', count: 1, bytes: GIB },
          { diskName: 'sda', purpose: 'verify', state: 'pending', count: 1, bytes: GIB },
        ]);
      }));

    test('keep a segment as it is when it is made again, and move it by state and epoch', () =>
      withBooks(async (books) => {
        const restoreId = await running(books);
        const fresh = {
          restoreId,
          diskName: 'sda',
          purpose: 'move',
          index: 0,
          offsetBytes: 0,
          lengthBytes: 512,
        } as const;
        await books.transaction((tx) => tx.createSegments([fresh]));
        const [segment] = await books.segments(restoreId);
        assert.ok(segment);
        const take = { mover: 'm-1', epoch: 1, attempts: 1 };
        const move = () =>
          books.transaction((tx) => tx.moveSegment(segment.id, { from: 'pending', epoch: 0 }, 'running', take));
        assert.equal(await move(), true);
        assert.equal(await move(), false);
        await books.transaction((tx) => tx.createSegments([fresh]));
        const kept = { ...segment, ...take, state: 'running' };
        assert.deepEqual(await books.segments(restoreId), [kept]);
        assert.deepEqual(await books.segment(segment.id), kept);
        assert.deepEqual(await books.segments(restoreId, { states: ['done'] }), []);
      }));

    test('send segments out under their next epoch, each with its job, and pass over those that have changed', () =>
      withBooks(async (books) => {
        const restoreId = await running(books);
        await books.transaction((tx) => tx.createSegments([0, 1, 2].map((index) => moveOf(restoreId, index))));
        const [first, second, third] = await books.segments(restoreId);
        assert.ok(first && second && third);
        await books.transaction((tx) =>
          tx.moveSegment(second.id, { from: 'pending', epoch: 0 }, 'running', { mover: 'm' }),
        );
        const job = (segment: typeof first) => ({
          ...{ segment, queue: 'movers', jobId: `${segment.id}-1`, name: 'segment', payload: { of: segment.id } },
        });
        let nudged = 0;
        const stop = books.onOutbox(() => (nudged += 1));
        const sent = await books.transaction((tx) => tx.handOut([first, second, third].map(job)));
        assert.equal(sent, 2);
        assert.equal(await books.transaction((tx) => tx.handOut([job(first)])), 0);
        assert.equal(await books.transaction((tx) => tx.handOut([])), 0);
        assert.equal(nudged, 1);
        stop();
        assert.deepEqual(
          (await books.segments(restoreId)).map(({ state, epoch, mover }) => [state, epoch, mover]),
          [
            ['pending', 1, null],
            ['running', 0, 'm'],
            ['pending', 1, null],
          ],
        );
        const messages = await books.claimOutbox(10);
        assert.deepEqual(
          messages.map(({ queue, jobId, name, payload }) => [queue, jobId, name, payload]),
          [first, third].map(({ id }) => ['movers', `${id}-1`, 'segment', { of: id }]),
        );
      }));

    test('give the first unfinished segments of each disk, and tell whether there are some', () =>
      withBooks(async (books) => {
        const restoreId = await running(books);
        await books.transaction((tx) => tx.createSegments([3, 1, 0, 2].map((index) => moveOf(restoreId, index))));
        const [zero, one, two] = await books.segments(restoreId);
        await books.transaction(async (tx) => {
          await tx.moveSegment(zero!.id, { from: 'pending', epoch: 0 }, 'done');
          await tx.moveSegment(one!.id, { from: 'pending', epoch: 0 }, 'running');
          await tx.moveSegment(two!.id, { from: 'pending', epoch: 0 }, 'failed');
        });
        const first = (disks: string[], perDisk: number, purpose: 'move' | 'verify' = 'move') =>
          books.transaction(async (tx) =>
            (await tx.unfinishedSegments(restoreId, { purpose, disks, perDisk })).map(({ index }) => index),
          );
        assert.deepEqual(await first(['sda', 'sdx'], 10), [1, 3]);
        assert.deepEqual(await first(['sda'], 1), [1]);
        assert.deepEqual(await first(['sda'], 10, 'verify'), []);
        assert.deepEqual(await first([], 10), []);
        await books.transaction(async (tx) => {
          assert.equal(await tx.hasSegments(restoreId, { purpose: 'move', states: ['failed'] }), true);
          assert.equal(await tx.hasSegments(restoreId, { purpose: 'verify' }), false);
          assert.equal((await tx.segments(restoreId, { purpose: 'move' })).length, 4);
          assert.equal((await tx.segmentTotals(restoreId)).length, 4);
        });
      }));

    test('keep who was given a segment under which epoch', () =>
      withBooks(async (books) => {
        const restoreId = await running(books);
        await books.transaction((tx) => tx.createSegments([moveOf(restoreId, 0)]));
        const [segment] = await books.segments(restoreId);
        const segmentId = segment!.id;
        const grant = { segmentId, epoch: 2, restoreId, mover: 'w-0/a', workerId: 'w' };
        const ofPool = { ...grant, epoch: 3, mover: 'pool/b', workerId: null };
        await books.transaction((tx) => tx.addGrant(grant));
        await books.transaction((tx) => tx.addGrant(ofPool));
        await assert.rejects(books.transaction((tx) => tx.addGrant({ ...grant, mover: 'w-1/c' })));
        await books.transaction(async (tx) => {
          assert.deepEqual(await tx.granted(segmentId, 2), { grant, segment });
          assert.deepEqual((await tx.granted(segmentId, 3))?.grant, ofPool);
          assert.equal(await tx.granted(segmentId, 1), null);
          assert.equal(await tx.granted('seg-unknown', 2), null);
          assert.deepEqual(await tx.segment(segmentId), segment);
          assert.equal(await tx.segment('seg-unknown'), null);
        });
        await books.transaction((tx) => tx.addGrant({ ...grant, epoch: 4 }));
        assert.deepEqual(await books.latestGrant(segmentId, 'w-0/a'), { ...grant, epoch: 4 });
        assert.equal(await books.latestGrant(segmentId, 'w-1/a'), null);
        const held = async (workerId: string | null, name: string) =>
          (await books.segmentsHeldBy(workerId, name)).map(({ epoch }) => epoch);
        assert.deepEqual(await held('w', 'w-0'), []);
        await books.transaction((tx) =>
          tx.moveSegment(segmentId, { from: 'pending', epoch: 0 }, 'running', { epoch: 4, mover: 'w-0/a' }),
        );
        assert.deepEqual(await held('w', 'w-0'), [4]);
        assert.deepEqual(await held('w', 'w-'), []);
        assert.deepEqual(await held('x', 'w-0'), []);
        assert.deepEqual(await held(null, 'w-0'), []);
      }));

    test('keep what was found out about a disk for good, once for each grant', () =>
      withBooks(async (books) => {
        const restoreId = await running(books);
        const verdict = {
          ...{ restoreId, diskName: 'sda', segmentId: 'seg-1', epoch: 2, mover: 'w-0/a' },
          ...{ code: 'TARGET_FULL', message: 'm', fix: 'f' },
        };
        const add = (changes: Partial<typeof verdict> = {}) =>
          books.transaction((tx) => tx.addVerdict({ ...verdict, ...changes }));
        assert.equal(await add(), true);
        assert.equal(await add({ code: 'VERIFY_MISMATCH' }), false);
        assert.equal(await add({ epoch: 3, code: 'VERIFY_MISMATCH' }), true);
        const kept = await books.verdicts(restoreId);
        assert.deepEqual(
          kept.map(({ at: _at, ...rest }) => rest),
          [verdict, { ...verdict, epoch: 3, code: 'VERIFY_MISMATCH' }],
        );
        assert.deepEqual(await books.transaction((tx) => tx.verdicts(restoreId)), kept);
        assert.deepEqual(await books.verdicts('r-unknown'), []);
      }));

    test('show a locked restore as it is, less the bytes of its disks', () =>
      withBooks(async (books) => {
        const id = await running(books);
        await dispatched(books, id, 'create-empty-disks');
        const guard = { from: 'pending', epoch: 1 } as const;
        const startedAt = new Date('2026-01-02T03:04:05.678Z');
        const error = { code: 'QUOTA', message: 'm', fix: 'f' };
        await books.transaction((tx) =>
          tx.moveStep(id, 'create-empty-disks', guard, 'running', { startedAt, error, output: { disks: ['sda'] } }),
        );
        const whole = await books.restore(id);
        assert.ok(whole);
        const disks = whole.disks.map(({ bytesTotal: _total, bytesDone: _done, ...disk }) => disk);
        assert.deepEqual(await books.transaction((tx) => tx.lockRestore(id)), { ...whole, disks });
        assert.equal(await books.transaction((tx) => tx.lockRestore('r-unknown')), null);
      }));

    test('refuse a plan for a restore that is no longer being planned', () =>
      withBooks(async (books) => {
        const id = await running(books);
        await assert.rejects(
          books.transaction((tx) => tx.storePlan(id, aRestorePlan())),
          { code: 'STEP_SUPERSEDED' },
        );
      }));

    test('tell what should be moving, and whether its job still waits for the relay', () =>
      withBooks(async (books) => {
        const id = await running(books);
        assert.deepEqual(await books.runnable(), []);
        await dispatched(books, id, 'create-empty-disks');
        const [work] = await books.runnable();
        assert.deepEqual(
          [work?.restoreId, work?.work, work?.epoch, work?.state, work?.awaitsRelay],
          [id, 'create-empty-disks', 1, 'pending', true],
        );
        const messages = await books.claimOutbox(10);
        await books.outboxSent(messages.map((message) => message.id));
        assert.equal((await books.runnable())[0]?.awaitsRelay, false);

        const guard = { from: 'pending', epoch: 1 } as const;
        await books.transaction((tx) => tx.moveStep(id, 'create-empty-disks', guard, 'running', { parked: true }));
        assert.deepEqual(await books.runnable(), []);
        assert.deepEqual(await books.parked(), [{ restoreId: id, work: 'create-empty-disks', epoch: 1 }]);
      }));

    test('tell which runs are still wanted', () =>
      withBooks(async (books) => {
        const id = await running(books);
        await dispatched(books, id, 'create-empty-disks');
        const run = (epoch: number) => ({ restoreId: id, work: 'create-empty-disks', epoch }) as const;
        assert.deepEqual(await books.areCurrent([]), []);
        const unknown = { restoreId: 'r-unknown', work: 'plan', epoch: 0 } as const;
        assert.deepEqual(await books.areCurrent([run(0), run(1), unknown]), [false, true, false]);
        await books.transaction((tx) => tx.moveRestore(id, { from: 'running', epoch: 1 }, 'cancelling'));
        assert.deepEqual(await books.areCurrent([run(1)]), [false]);
      }));

    test('give each message of the outbox to one relay, oldest first, and each job id once', () =>
      withBooks(async (books) => {
        await books.transaction(async (tx) => {
          for (const jobId of ['a', 'b', 'c', 'b']) {
            await tx.enqueue({ queue: 'planner', jobId, name: 'n', payload: { jobId }, delayMs: 7 });
          }
        });
        const [first, second] = await Promise.all([books.claimOutbox(2), books.claimOutbox(2)]);
        const claimed = [...first, ...second];
        assert.deepEqual(claimed.map((message) => message.jobId).toSorted(), ['a', 'b', 'c']);
        assert.deepEqual(first[0] && { ...first[0], id: '' }, {
          id: '',
          queue: 'planner',
          jobId: first[0]?.jobId,
          name: 'n',
          payload: { jobId: first[0]?.jobId },
          delayMs: 7,
        });
        assert.deepEqual(await books.claimOutbox(2), []);
        await books.outboxSent(claimed.map((message) => message.id));
        await books.outboxSent([]);
      }));

    test('call back after a commit that wrote to the outbox, and after no other', () =>
      withBooks(async (books) => {
        let calls = 0;
        const stop = books.onOutbox(() => (calls += 1));
        const id = await created(books);
        assert.equal(calls, 0);
        await dispatched(books, id, 'plan');
        assert.equal(calls, 1);
        stop();
        await books.transaction((tx) => tx.enqueue({ queue: 'q', jobId: 'j', name: 'n', payload: {} }));
        assert.equal(calls, 1);
      }));

    test('let a run write that is wanted and goes on, and no other', () =>
      withBooks(async (books) => {
        const id = await running(books);
        const run = (epoch: number) => ({ restoreId: id, work: 'create-vm', epoch }) as const;
        const require = (epoch: number) => books.transaction((tx) => tx.requireCurrent(run(epoch)));
        const superseded = { code: 'STEP_SUPERSEDED' };
        await dispatched(books, id, 'create-vm');
        await assert.rejects(require(1), superseded);
        const guard = { from: 'pending', epoch: 1 } as const;
        await books.transaction((tx) => tx.moveStep(id, 'create-vm', guard, 'running'));
        await require(1);
        await assert.rejects(require(0), superseded);
        await books.transaction((tx) => tx.moveRestore(id, { from: 'running', epoch: 1 }, 'cancelling'));
        await assert.rejects(require(1), superseded);
      }));

    test('open a clean-up anew under a higher epoch', () =>
      withBooks(async (books) => {
        const id = await running(books);
        assert.equal(await books.transaction((tx) => tx.cleanUp(id)), null);
        const cause = { code: 'QUOTA', message: 'm', fix: 'f' };
        const first = await books.transaction((tx) => tx.openCleanUp(id, 'failure', cause));
        assert.deepEqual(first, { purpose: 'failure', state: 'pending', epoch: 0, attempts: 0, cause, error: null });
        const guard = { from: 'pending', epoch: 0 } as const;
        const patch = { epoch: 5, attempts: 2, error: cause };
        assert.equal(await books.transaction((tx) => tx.moveCleanUp(id, guard, 'pending', patch)), true);
        assert.equal(await books.transaction((tx) => tx.moveCleanUp(id, guard, 'running')), false);
        const again = await books.transaction((tx) => tx.openCleanUp(id, 'roll-back', null));
        assert.deepEqual(again, {
          purpose: 'roll-back',
          state: 'pending',
          epoch: 6,
          attempts: 0,
          cause: null,
          error: null,
        });
      }));

    test('let the first claim of an idempotency key stand', () =>
      withBooks(async (books) => {
        const claim = (restoreId: string) =>
          books.transaction((tx) => tx.claimIdempotencyKey({ key: 'k', bodyHash: restoreId, restoreId }));
        const [one, two] = await Promise.all([claim('r-1'), claim('r-2')]);
        assert.deepEqual(one, two);
        assert.deepEqual(await claim('r-3'), one);
      }));

    journalContract(withBooks);
  });
}

function journalContract(withBooks: WithBooks): void {
  const disk = { kind: 'disk', role: 'disk' } as const;
  const intent = { key: 'k', operation: 'disks.createOrUpdate', azureId: '/Disks/sda', bodyHash: 'h', creates: disk };

  /** A restore whose step 3 runs under epoch 1. */
  const withRun = (use: (books: RestoreBooks, id: string, waiting: () => Promise<void>) => Promise<void>) =>
    withBooks(async (books, waiting) => {
      const id = await running(books);
      await dispatched(books, id, 'create-empty-disks');
      const guard = { from: 'pending', epoch: 1 } as const;
      await books.transaction((tx) => tx.moveStep(id, 'create-empty-disks', guard, 'running'));
      await use(books, id, waiting);
    });

  test('write an intent and its ledger entry before the call, and its end after it', () =>
    withRun(async (books, id) => {
      const journal = books.journal(id, 'create-empty-disks', 1);
      assert.equal(journal.restoreId, id);
      assert.deepEqual(await journal.begin(intent), { state: 'intended', pollerState: null });
      const ledger = async () => (await books.ledger(id)).map(({ azureId, state }) => [azureId, state]);
      assert.deepEqual(await ledger(), [['/Disks/sda', 'intended']]);
      await journal.submitted('k', '{"at":1}');
      assert.deepEqual(await journal.begin(intent), { state: 'submitted', pollerState: '{"at":1}' });
      await journal.succeeded('k', { azureId: '/disks/SDA' });
      await journal.succeeded('k');
      assert.equal((await journal.begin(intent)).state, 'succeeded');
      assert.equal((await ledger())[0]?.[1], 'created');

      const removal = { key: 'delete', operation: 'disks.delete', azureId: '/disks/SDA', bodyHash: 'd', removes: true };
      await journal.begin(removal);
      await journal.succeeded('delete');
      assert.equal((await ledger())[0]?.[1], 'removed');
      assert.deepEqual(
        (await books.events(id)).map((event) => event.type),
        ['resource.created', 'resource.removed'],
      );
    }));

  test('begin a failed call anew, and one with another body; one under way is followed with the body that it was made with', () =>
    withRun(async (books, id) => {
      const journal = books.journal(id, 'create-empty-disks', 1);
      await journal.begin(intent);
      await journal.submitted('k', 'p');
      const underWay = { state: 'submitted', pollerState: 'p' };
      assert.deepEqual(await journal.begin({ ...intent, bodyHash: 'other' }), { ...underWay, hasOtherBody: true });
      assert.deepEqual(await journal.begin(intent), underWay);
      await journal.failed('k', { code: 'QUOTA', message: 'm', fix: 'f' });
      assert.deepEqual(await journal.begin({ ...intent, bodyHash: 'other' }), { state: 'intended', pollerState: null });
      assert.deepEqual(await journal.begin(intent), { state: 'intended', pollerState: null });
    }));

  test('shut out a run whose place was taken, and hand its calls to the next', () =>
    withRun(async (books, id) => {
      const old = books.journal(id, 'create-empty-disks', 1);
      await old.begin(intent);
      await old.submitted('k', 'p');
      const guard = { from: 'running', epoch: 1 } as const;
      await books.transaction((tx) => tx.moveStep(id, 'create-empty-disks', guard, 'running', { epoch: 2 }));
      const superseded = { code: 'STEP_SUPERSEDED' };
      await assert.rejects(old.begin(intent), superseded);
      // The call that it has made is still its own until the next run takes it up.
      await old.submitted('k', 'q');
      const next = books.journal(id, 'create-empty-disks', 2);
      assert.deepEqual(await next.begin(intent), { state: 'submitted', pollerState: 'q' });
      await assert.rejects(old.succeeded('k'), superseded);
      await assert.rejects(old.failed('k', { code: 'c', message: 'm', fix: 'f' }), superseded);
      await next.succeeded('k');
    }));

  test('shut out a run that asks while its place is being taken', () =>
    withRun(async (books, id, waiting) => {
      let commit = (): void => undefined;
      const asked = new Promise<void>((resolve) => (commit = resolve));
      let isTaken = (): void => undefined;
      const taken = new Promise<void>((resolve) => (isTaken = resolve));
      const taking = books.transaction(async (tx) => {
        await tx.lockRestore(id);
        const guard = { from: 'running', epoch: 1 } as const;
        await tx.moveStep(id, 'create-empty-disks', guard, 'running', { epoch: 2 });
        isTaken();
        await asked;
      });
      await taken;
      const begun = books.journal(id, 'create-empty-disks', 1).begin(intent);
      const refused = assert.rejects(begun, { code: 'STEP_SUPERSEDED' });
      await waiting().finally(commit);
      await Promise.all([taking, refused]);
      assert.deepEqual(await books.ledger(id), []);
    }));

  test('begin no call for a restore that has turned round, but let one be recorded that was made', () =>
    withRun(async (books, id) => {
      const journal = books.journal(id, 'create-empty-disks', 1);
      await journal.begin(intent);
      await books.transaction((tx) => tx.moveRestore(id, { from: 'running', epoch: 1 }, 'cancelling'));
      await assert.rejects(journal.begin({ ...intent, key: 'k2' }), { code: 'STEP_SUPERSEDED' });
      await journal.succeeded('k');
      assert.equal((await books.ledger(id))[0]?.state, 'created');
    }));

  test('keep what was removed as removed when a run tells late that it has made it', () =>
    withRun(async (books, id) => {
      const late = books.journal(id, 'create-empty-disks', 1);
      await late.begin(intent);
      const removal = { key: 'delete', operation: 'disks.delete', azureId: '/disks/SDA', bodyHash: 'd', removes: true };
      await late.begin(removal);
      await late.succeeded('delete');
      await late.succeeded('k');
      assert.equal((await books.ledger(id))[0]?.state, 'removed');
      assert.deepEqual(
        (await books.events(id)).map((event) => event.type),
        ['resource.removed'],
      );
      await late.begin(intent);
      await late.succeeded('k');
      assert.equal((await books.ledger(id))[0]?.state, 'created');
    }));

  test('list the ledger of all: what is asked for by its ID, and what ended restores have not settled', () =>
    withRun(async (books, id) => {
      await books.journal(id, 'create-empty-disks', 1).begin(intent);
      const listed = async (ids: readonly string[]) =>
        (await books.ledgerOfAll(ids)).map(({ azureId, restoreId, restoreState }) => [
          azureId,
          restoreId,
          restoreState,
        ]);
      assert.deepEqual(await listed([]), []);
      assert.deepEqual(await listed(['/disks/SDA', '/disks/other']), [['/Disks/sda', id, 'running']]);
      await ended(books, id);
      assert.deepEqual(await listed([]), [['/Disks/sda', id, 'failed']]);
    }));

  test('let what an ended restore has left be swept, until it is rolled back', () =>
    withRun(async (books, id) => {
      await books.journal(id, 'create-empty-disks', 1).begin(intent);
      const superseded = { code: 'STEP_SUPERSEDED' };
      const removal = { key: 'delete', operation: 'disks.delete', azureId: '/disks/SDA', bodyHash: 'd', removes: true };
      await assert.rejects(books.journal(id, 'sweep', 1).begin(removal), superseded);
      const epoch = await ended(books, id);
      await assert.rejects(books.journal(id, 'sweep', epoch - 1).begin(removal), superseded);
      const journal = books.journal(id, 'sweep', epoch);
      await journal.begin(removal);
      await journal.succeeded('delete');
      assert.equal((await books.ledgerOfAll(['/disks/sda']))[0]?.state, 'removed');
      assert.deepEqual(await books.ledgerOfAll([]), []);
      await books.transaction((tx) => tx.moveRestore(id, { from: 'failed', epoch }, 'rolling-back'));
      await assert.rejects(journal.begin(removal), superseded);
    }));
}

/** Ends a running restore as failed, and gives its epoch. */
async function ended(books: RestoreBooks, id: string): Promise<number> {
  await books.transaction(async (tx) => {
    await tx.moveRestore(id, { from: 'running', epoch: 1 }, 'rolling-back');
    await tx.moveRestore(id, { from: 'rolling-back', epoch: 2 }, 'failed');
  });
  return 3;
}

async function created(books: RestoreBooks): Promise<string> {
  const id = newRestoreId();
  await books.transaction((tx) => tx.createRestore({ id, request: aRestoreRequest(), requestedBy: 'olivia' }));
  return id;
}

async function running(books: RestoreBooks): Promise<string> {
  const id = await created(books);
  await books.transaction(async (tx) => {
    await tx.storePlan(id, aRestorePlan());
    await tx.moveRestore(id, { from: 'planning', epoch: 0 }, 'running');
  });
  return id;
}

function moveOf(restoreId: string, index: number) {
  const range = { offsetBytes: index * 512, lengthBytes: 512 };
  return { restoreId, diskName: 'sda', purpose: 'move', index, ...range } as const;
}

async function dispatched(books: RestoreBooks, restoreId: string, step: StepId): Promise<void> {
  await books.transaction(async (tx) => {
    await tx.moveStep(restoreId, step, { from: 'pending', epoch: 0 }, 'pending', { epoch: 1 });
    const payload = { restoreId, step, epoch: 1 };
    await tx.enqueue({ queue: 'provisioner', jobId: `${restoreId}-${step}-1`, name: 'run-step', payload });
  });
}
