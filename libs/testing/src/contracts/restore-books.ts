import { describe, expect, test } from '@jest/globals';
import assert from 'node:assert/strict';
import {
  newRestoreId,
  patchId,
  recipeOf,
  STEPS,
  stepKey,
  stepsOf,
  type PlannedContents,
  type RestoreBooks,
  type RestoreState,
  type StepId,
} from '@landfall/domain';
import { aRestorePlan, aRestoreRequest, GIB } from '@landfall/domain/builders';

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
        expect([restore?.state, restore?.epoch, restore?.plan, restore?.turn]).toStrictEqual([
          'planning',
          0,
          null,
          null,
        ]);
        expect(
          restore && stepsOf(restore).map((step) => [step.id, step.state, step.epoch, step.attempts, step.parked]),
        ).toStrictEqual(STEPS.map(({ id }) => [id, 'pending', 0, 0, false]));
        expect(restore?.request).toStrictEqual(aRestoreRequest());
        expect(await books.restore('r-unknown')).toBe(null);
      }));

    test('show restores newest first, by state, and no more than asked for', () =>
      withBooks(async (books) => {
        const first = await created(books);
        const second = await running(books);
        const third = await created(books);
        const ids = async (filter?: Parameters<RestoreBooks['restores']>[0]) =>
          (await books.restores(filter)).map((restore) => restore.id);
        expect(await ids()).toStrictEqual([third, second, first]);
        expect(await ids({ states: ['planning'] })).toStrictEqual([third, first]);
        expect(await ids({ limit: 1 })).toStrictEqual([third]);
      }));

    test('change nothing when a transaction throws', () =>
      withBooks(async (books) => {
        const id = await created(books);
        const broken = books.transaction(async (tx) => {
          await tx.addEvent(id, 'restore.running', 'never');
          await tx.enqueue({ queue: 'planner', jobId: 'j', name: 'n', payload: {} });
          throw new Error('in the middle');
        });
        await expect(broken).rejects.toThrow(/in the middle/);
        expect(await books.events(id)).toStrictEqual([]);
        expect(await books.claimOutbox(10)).toStrictEqual([]);
      }));

    test('move a restore only from the state and epoch that the writer believes in', () =>
      withBooks(async (books) => {
        const id = await created(books);
        const move = (epoch: number, from: 'planning' | 'running') =>
          books.transaction((tx) => tx.moveRestore(id, { from, epoch }, 'cancelling'));
        expect(await move(1, 'planning')).toBe(false);
        expect(await move(0, 'running')).toBe(false);
        expect(await move(0, 'planning')).toBe(true);
        expect(await move(0, 'planning')).toBe(false);
        const restore = await books.restore(id);
        expect([restore?.state, restore?.epoch, restore?.endedAt]).toStrictEqual(['cancelling', 1, null]);
        await books.transaction((tx) => tx.moveRestore(id, { from: 'cancelling', epoch: 1 }, 'cancelled'));
        expect((await books.restore(id))?.endedAt).toBeTruthy();
      }));

    test('let one of two writers win that move the same step at once', () =>
      withBooks(async (books) => {
        const id = await running(books);
        const guard = { from: 'pending', epoch: 0 } as const;
        const moves = await Promise.all(
          [1, 2, 3].map(() =>
            books.transaction((tx) => tx.moveWork(id, stepKey('create-vm'), guard, 'running', { epoch: 1 })),
          ),
        );
        expect(moves.toSorted()).toStrictEqual([false, false, true]);
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
        expect((await books.events(id)).map((event) => event.sequence)).toStrictEqual([1, 2, 3, 4]);
        expect((await books.events(id, 2, 1)).map((event) => event.sequence)).toStrictEqual([3]);
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
        expect(restore.plan).toStrictEqual(aRestorePlan());
        expect(await books.segmentTotals(id)).toStrictEqual([
          { diskName: 'sda', purpose: 'move', state: 'done', count: 1, bytes: 4_096 },
          { diskName: 'sda', purpose: 'move', state: 'pending', count: 1, bytes: GIB },
          { diskName: 'sda', purpose: 'verify', state: 'pending', count: 1, bytes: GIB },
        ]);
      }));

    test('keep what the disks of a plan are to hold, in the plan’s order, until another plan is made', () =>
      withBooks(async (books) => {
        const id = await created(books);
        const plan = aRestorePlan();
        const [sda] = plan.disks;
        assert.ok(sda);
        const two = { ...plan, disks: [sda, { ...sda, name: 'a-second' }] };
        const contents = [contentsOf('a-second'), contentsOf('sda')];
        await books.transaction(async (tx) => {
          await tx.lockRestore(id);
          await tx.storePlan(id, two);
          await tx.storeContents(id, contents, [PATCH]);
          expect(await tx.contents(id)).toStrictEqual([contents[1], contents[0]]);
        });
        const { recipe, source } = contentsOf('sda');
        expect(await books.ingredients(id, 'sda')).toStrictEqual({ recipe, source });
        expect(await books.ingredients(id, 'sdz')).toBe(null);
        expect(await books.plan(id)).toStrictEqual(two);
        expect(await books.plan('unknown')).toBe(null);
        await books.transaction(async (tx) => {
          await tx.lockRestore(id);
          await tx.storePlan(id, plan);
          expect(await tx.contents(id)).toStrictEqual([]);
          await tx.storeContents(id, [contentsOf('sda')], [PATCH]);
        });
        expect(await books.ingredients(id, 'a-second')).toBe(null);
      }));

    test('keep patches by their SHA-256, whoever brings them', () =>
      withBooks(async (books) => {
        for (let time = 0; time < 2; time += 1) {
          const id = await created(books);
          await books.transaction(async (tx) => {
            await tx.lockRestore(id);
            await tx.storePlan(id, aRestorePlan());
            await tx.storeContents(id, [contentsOf('sda')], [PATCH]);
          });
        }
        const found = await books.patches([patchId(PATCH), 'f'.repeat(64)]);
        expect([...found].map(([patch, bytes]) => [patch, Buffer.from(bytes)])).toStrictEqual([
          [patchId(PATCH), PATCH],
        ]);
        expect((await books.patches([])).size).toBe(0);
      }));

    test('keep no contents without their patches, of a disk that is not planned, or twice', () =>
      withBooks(async (books) => {
        const id = await created(books);
        await books.transaction((tx) => tx.lockRestore(id).then(() => tx.storePlan(id, aRestorePlan())));
        const store = (all: readonly PlannedContents[], patches: readonly Buffer[]): Promise<void> =>
          books.transaction((tx) => tx.lockRestore(id).then(() => tx.storeContents(id, all, patches)));
        await expect(store([contentsOf('sda')], [])).rejects.toMatchObject({ code: 'RECIPE_INVALID' });
        await expect(store([contentsOf('sdz')], [PATCH])).rejects.toThrow();
        await store([contentsOf('sda')], [PATCH]);
        await expect(store([contentsOf('sda')], [PATCH])).rejects.toThrow();
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
        expect(await move()).toBe(true);
        expect(await move()).toBe(false);
        await books.transaction((tx) => tx.createSegments([fresh]));
        const kept = { ...segment, ...take, state: 'running' };
        expect(await books.segments(restoreId)).toStrictEqual([kept]);
        expect(await books.segment(segment.id)).toStrictEqual(kept);
        expect(await books.segments(restoreId, { states: ['done'] })).toStrictEqual([]);
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
        expect(sent).toBe(2);
        expect(await books.transaction((tx) => tx.handOut([job(first)]))).toBe(0);
        expect(await books.transaction((tx) => tx.handOut([]))).toBe(0);
        expect(nudged).toBe(1);
        stop();
        expect((await books.segments(restoreId)).map(({ state, epoch, mover }) => [state, epoch, mover])).toStrictEqual(
          [
            ['pending', 1, null],
            ['running', 0, 'm'],
            ['pending', 1, null],
          ],
        );
        const messages = await books.claimOutbox(10);
        expect(messages.map(({ queue, jobId, name, payload }) => [queue, jobId, name, payload])).toStrictEqual(
          [first, third].map(({ id }) => ['movers', `${id}-1`, 'segment', { of: id }]),
        );
      }));

    test('give the segments that have failed for good, with why and with the part of the disk that it is about', () =>
      withBooks(async (books) => {
        const restoreId = await running(books);
        await books.transaction((tx) => tx.createSegments([1, 0, 2].map((index) => moveOf(restoreId, index))));
        const [zero, one, two] = await books.segments(restoreId);
        const why = { code: 'BLOB_CORRUPT', message: 'It is damaged.', fix: 'Repair it.' };
        const error = { ...why, range: { offset: 4096, length: 1024 } };
        await books.transaction(async (tx) => {
          await tx.moveSegment(zero!.id, { from: 'pending', epoch: 0 }, 'failed', { error });
          await tx.moveSegment(one!.id, { from: 'pending', epoch: 0 }, 'running', { error: why });
          await tx.moveSegment(two!.id, { from: 'pending', epoch: 0 }, 'failed', { error: why });
        });
        expect(await books.failedSegments(restoreId, 10)).toStrictEqual([
          { segment: await books.segment(zero!.id), error },
          { segment: await books.segment(two!.id), error: why },
        ]);
        expect((await books.failedSegments(restoreId, 1)).map(({ segment }) => segment.index)).toStrictEqual([0]);
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
        expect(await first(['sda', 'sdx'], 10)).toStrictEqual([1, 3]);
        expect(await first(['sda'], 1)).toStrictEqual([1]);
        expect(await first(['sda'], 10, 'verify')).toStrictEqual([]);
        expect(await first([], 10)).toStrictEqual([]);
        await books.transaction(async (tx) => {
          expect(await tx.hasSegments(restoreId, { purpose: 'move', states: ['failed'] })).toBe(true);
          expect(await tx.hasSegments(restoreId, { purpose: 'verify' })).toBe(false);
          expect((await tx.segments(restoreId, { purpose: 'move' })).length).toBe(4);
          expect((await tx.segmentTotals(restoreId)).length).toBe(4);
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
        await expect(books.transaction((tx) => tx.addGrant({ ...grant, mover: 'w-1/c' }))).rejects.toThrow();
        await books.transaction(async (tx) => {
          expect(await tx.granted(segmentId, 2)).toStrictEqual({ grant, segment });
          expect((await tx.granted(segmentId, 3))?.grant).toStrictEqual(ofPool);
          expect(await tx.granted(segmentId, 1)).toBe(null);
          expect(await tx.granted('seg-unknown', 2)).toBe(null);
          expect(await tx.segment(segmentId)).toStrictEqual(segment);
          expect(await tx.segment('seg-unknown')).toBe(null);
        });
        await books.transaction((tx) => tx.addGrant({ ...grant, epoch: 4 }));
        expect(await books.latestGrant(segmentId, 'w-0/a')).toStrictEqual({ ...grant, epoch: 4 });
        expect(await books.latestGrant(segmentId, 'w-1/a')).toBe(null);
        const held = async (workerId: string | null, name: string) =>
          (await books.segmentsHeldBy(workerId, name)).map(({ epoch }) => epoch);
        expect(await held('w', 'w-0')).toStrictEqual([]);
        await books.transaction((tx) =>
          tx.moveSegment(segmentId, { from: 'pending', epoch: 0 }, 'running', { epoch: 4, mover: 'w-0/a' }),
        );
        expect(await held('w', 'w-0')).toStrictEqual([4]);
        expect(await held('w', 'w-')).toStrictEqual([]);
        expect(await held('x', 'w-0')).toStrictEqual([]);
        expect(await held(null, 'w-0')).toStrictEqual([]);
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
        expect(await add()).toBe(true);
        expect(await add({ code: 'VERIFY_MISMATCH' })).toBe(false);
        expect(await add({ epoch: 3, code: 'VERIFY_MISMATCH' })).toBe(true);
        const kept = await books.verdicts(restoreId);
        expect(kept.map(({ at: _at, ...rest }) => rest)).toStrictEqual([
          verdict,
          { ...verdict, epoch: 3, code: 'VERIFY_MISMATCH' },
        ]);
        expect(await books.transaction((tx) => tx.verdicts(restoreId))).toStrictEqual(kept);
        expect(await books.verdicts('r-unknown')).toStrictEqual([]);
      }));

    test('show a locked restore as it is, less the bytes of its disks', () =>
      withBooks(async (books) => {
        const id = await running(books);
        await dispatched(books, id, 'create-empty-disks');
        const guard = { from: 'pending', epoch: 1 } as const;
        const startedAt = new Date('2026-01-02T03:04:05.678Z');
        const error = { code: 'QUOTA', message: 'm', fix: 'f' };
        await books.transaction((tx) =>
          tx.moveWork(id, stepKey('create-empty-disks'), guard, 'running', {
            startedAt,
            error,
            output: { disks: ['sda'] },
            resumeFrom: 'plan',
          }),
        );
        const whole = await books.restore(id);
        assert.ok(whole);
        const disks = whole.disks.map(({ bytesTotal: _total, bytesDone: _done, ...disk }) => disk);
        expect(await books.transaction((tx) => tx.lockRestore(id))).toStrictEqual({ ...whole, disks });
        expect(await books.transaction((tx) => tx.lockRestore('r-unknown'))).toBe(null);
      }));

    test('refuse a plan for a restore that is no longer being planned', () =>
      withBooks(async (books) => {
        const id = await running(books);
        await expect(books.transaction((tx) => tx.storePlan(id, aRestorePlan()))).rejects.toMatchObject({
          code: 'STEP_SUPERSEDED',
        });
      }));

    test('tell what should be moving, and whether its job still waits for the relay', () =>
      withBooks(async (books) => {
        const id = await running(books);
        expect(await books.runnable()).toStrictEqual([]);
        await dispatched(books, id, 'create-empty-disks');
        const [work] = await books.runnable();
        expect([work?.restoreId, work?.work, work?.epoch, work?.state, work?.awaitsRelay]).toStrictEqual([
          id,
          'create-empty-disks',
          1,
          'pending',
          true,
        ]);
        const messages = await books.claimOutbox(10);
        await books.outboxSent(messages.map((message) => message.id));
        expect((await books.runnable())[0]?.awaitsRelay).toBe(false);

        const guard = { from: 'pending', epoch: 1 } as const;
        await books.transaction((tx) =>
          tx.moveWork(id, stepKey('create-empty-disks'), guard, 'running', { parked: true }),
        );
        expect(await books.runnable()).toStrictEqual([]);
        expect(await books.parked()).toStrictEqual([{ restoreId: id, work: 'create-empty-disks', epoch: 1 }]);
      }));

    test('tell which runs are still wanted', () =>
      withBooks(async (books) => {
        const id = await running(books);
        await dispatched(books, id, 'create-empty-disks');
        const run = (epoch: number) => ({ restoreId: id, work: 'create-empty-disks', epoch }) as const;
        expect(await books.areCurrent([])).toStrictEqual([]);
        const unknown = { restoreId: 'r-unknown', work: 'plan', epoch: 0 } as const;
        expect(await books.areCurrent([run(0), run(1), unknown])).toStrictEqual([false, true, false]);
        await books.transaction((tx) => tx.moveRestore(id, { from: 'running', epoch: 1 }, 'cancelling'));
        expect(await books.areCurrent([run(1)])).toStrictEqual([false]);
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
        expect(claimed.map((message) => message.jobId).toSorted()).toStrictEqual(['a', 'b', 'c']);
        expect(first[0] && { ...first[0], id: '' }).toStrictEqual({
          id: '',
          queue: 'planner',
          jobId: first[0]?.jobId,
          name: 'n',
          payload: { jobId: first[0]?.jobId },
          delayMs: 7,
        });
        expect(await books.claimOutbox(2)).toStrictEqual([]);
        await books.outboxSent(claimed.map((message) => message.id));
        await books.outboxSent([]);
      }));

    test('call back after a commit that wrote to the outbox, and after no other', () =>
      withBooks(async (books) => {
        let calls = 0;
        const stop = books.onOutbox(() => (calls += 1));
        const id = await created(books);
        expect(calls).toBe(0);
        await dispatched(books, id, 'plan');
        expect(calls).toBe(1);
        stop();
        await books.transaction((tx) => tx.enqueue({ queue: 'q', jobId: 'j', name: 'n', payload: {} }));
        expect(calls).toBe(1);
      }));

    test('let a run write that is wanted and goes on, and no other', () =>
      withBooks(async (books) => {
        const id = await running(books);
        const run = (epoch: number) => ({ restoreId: id, work: 'create-vm', epoch }) as const;
        const require = (epoch: number) => books.transaction((tx) => tx.requireCurrent(run(epoch)));
        const superseded = { code: 'STEP_SUPERSEDED' };
        await dispatched(books, id, 'create-vm');
        await expect(require(1)).rejects.toMatchObject(superseded);
        const guard = { from: 'pending', epoch: 1 } as const;
        await books.transaction((tx) => tx.moveWork(id, stepKey('create-vm'), guard, 'running'));
        await require(1);
        await expect(require(0)).rejects.toMatchObject(superseded);
        await books.transaction((tx) => tx.moveRestore(id, { from: 'running', epoch: 1 }, 'cancelling'));
        await expect(require(1)).rejects.toMatchObject(superseded);
      }));

    test('open the works of a way back, and those of the next round under higher epochs', () =>
      withBooks(async (books) => {
        const id = await running(books);
        const cause = { code: 'QUOTA', message: 'm', fix: 'f' };
        const fresh = {
          ...({ direction: 'back', state: 'pending', attempts: 0, parked: false } as const),
          ...{ dispatchedAt: null, startedAt: null, endedAt: null, output: null, error: null, resumeFrom: null },
        };
        const back = (round: number, name: string) => ({ direction: 'back', round, id: name }) as const;
        const open = (...works: ReturnType<typeof back>[]) =>
          books.transaction(async (tx) => {
            await tx.lockRestore(id);
            return tx.openWorks(id, works);
          });
        const turn = { round: 1, purpose: 'failure', cause } as const;
        await books.transaction(async (tx) => {
          await tx.lockRestore(id);
          await tx.moveRestore(id, { from: 'running', epoch: 1 }, 'rolling-back', { turn });
        });
        const first = await open(back(1, 'second'), back(1, 'first'));
        expect(first).toStrictEqual(['second', 'first'].map((name) => ({ ...fresh, ...back(1, name), epoch: 0 })));
        const guard = { from: 'pending', epoch: 0 } as const;
        const patch = { epoch: 5, attempts: 2, error: cause };
        const move = (to: 'pending' | 'running') =>
          books.transaction((tx) => tx.moveWork(id, back(1, 'first'), guard, to, to === 'pending' ? patch : {}));
        expect([await move('pending'), await move('running')]).toStrictEqual([true, false]);
        await expect(open(back(1, 'first'))).rejects.toThrow();
        expect(await open()).toStrictEqual([]);
        const again = await open(back(2, 'first'), back(2, 'third'));
        expect(again.map(({ id: name, round, epoch }) => [name, round, epoch])).toStrictEqual([
          ['first', 2, 6],
          ['third', 2, 0],
        ]);
        const restore = await books.restore(id);
        expect(restore?.turn).toStrictEqual(turn);
        const shown = restore?.works.filter(({ direction }) => direction === 'back');
        expect(shown?.map(({ id: name, round, epoch, attempts }) => [name, round, epoch, attempts])).toStrictEqual([
          ['first', 1, 5, 2],
          ['second', 1, 0, 0],
          ['first', 2, 6, 0],
          ['third', 2, 0, 0],
        ]);
      }));

    test('let the works of each direction move in its states, and in the present round alone', () =>
      withBooks(async (books) => {
        const id = await running(books);
        await dispatched(books, id, 'create-empty-disks');
        const moving = async () => (await books.runnable()).map(({ work, epoch }) => `${work} ${epoch}`).toSorted();
        const run = (work: string, epoch: number) => ({ restoreId: id, work, epoch });
        const current = (...runs: ReturnType<typeof run>[]) => books.areCurrent(runs);
        const open = async (direction: 'back' | 'after', round: number, name: string, from: number) =>
          books.transaction(async (tx) => {
            await tx.lockRestore(id);
            await tx.openWorks(id, [{ direction, round, id: name }]);
            const guard = { from: 'pending', epoch: from } as const;
            await tx.moveWork(id, { direction, round, id: name }, guard, 'pending', { epoch: from + 1 });
          });
        const turned = (from: RestoreState, epoch: number, to: RestoreState, round: number) =>
          books.transaction(async (tx) => {
            await tx.lockRestore(id);
            const turn = { round, purpose: 'roll-back', cause: null } as const;
            await tx.moveRestore(id, { from, epoch }, to, round === 0 ? {} : { turn });
          });
        await open('after', 0, 'settle', 0);
        expect(await moving()).toStrictEqual(['create-empty-disks 1']);
        await turned('running', 1, 'completed', 0);
        expect(await moving()).toStrictEqual(['settle 1']);
        expect(await current(run('settle', 1), run('create-empty-disks', 1))).toStrictEqual([true, false]);
        const settle = { direction: 'after', round: 0, id: 'settle' } as const;
        await books.transaction((tx) => tx.moveWork(id, settle, { from: 'pending', epoch: 1 }, 'running'));

        await turned('completed', 2, 'rolling-back', 1);
        await open('back', 1, 'undo', 0);
        // What runs when the restore turns round is waited for, and what only waits is not wanted any more.
        expect(await moving()).toStrictEqual(['settle 1', 'undo 1']);
        expect(await current(run('settle', 1), run('undo', 1), run('undo', 0))).toStrictEqual([false, true, false]);
        await turned('rolling-back', 3, 'rolled-back', 0);
        expect(await moving()).toStrictEqual([]);
        await open('after', 1, 'settle', 2);
        expect(await moving()).toStrictEqual(['settle 3']);
        expect(await current(run('settle', 1), run('settle', 3))).toStrictEqual([false, true]);
      }));

    test('let the first claim of an idempotency key stand', () =>
      withBooks(async (books) => {
        const claim = (restoreId: string) =>
          books.transaction((tx) => tx.claimIdempotencyKey({ key: 'k', bodyHash: restoreId, restoreId }));
        const [one, two] = await Promise.all([claim('r-1'), claim('r-2')]);
        expect(one).toStrictEqual(two);
        expect(await claim('r-3')).toStrictEqual(one);
      }));

    journalContract(withBooks);
  });
}

function journalContract(withBooks: WithBooks): void {
  const effect = { creates: { kind: 'disk', role: 'disk', purpose: 'result' } } as const;
  const intent = { key: 'k', operation: 'disks.createOrUpdate', azureId: '/Disks/sda', bodyHash: 'h', effect };
  const gone = { removes: 'ours' } as const;

  /** A restore whose step 3 runs under epoch 1. */
  const withRun = (use: (books: RestoreBooks, id: string, waiting: () => Promise<void>) => Promise<void>) =>
    withBooks(async (books, waiting) => {
      const id = await running(books);
      await dispatched(books, id, 'create-empty-disks');
      const guard = { from: 'pending', epoch: 1 } as const;
      await books.transaction((tx) => tx.moveWork(id, stepKey('create-empty-disks'), guard, 'running'));
      await use(books, id, waiting);
    });

  test('write an intent and its ledger entry before the call, and its end after it', () =>
    withRun(async (books, id) => {
      const journal = books.journal(id, 'create-empty-disks', 1);
      expect(journal.ownerId).toBe(id);
      expect(await journal.begin(intent)).toStrictEqual({ state: 'intended', pollerState: null });
      const ledger = async () => (await books.ledger(id)).map(({ azureId, state }) => [azureId, state]);
      expect(await ledger()).toStrictEqual([['/Disks/sda', 'intended']]);
      await journal.submitted('k', '{"at":1}');
      expect(await journal.begin(intent)).toStrictEqual({ state: 'submitted', pollerState: '{"at":1}' });
      await journal.succeeded('k', { azureId: '/disks/SDA' });
      await journal.succeeded('k');
      expect((await journal.begin(intent)).state).toBe('succeeded');
      expect((await ledger())[0]?.[1]).toBe('created');

      const removal = { key: 'delete', operation: 'disks.delete', azureId: '/disks/SDA', bodyHash: 'd', effect: gone };
      await journal.begin(removal);
      await journal.succeeded('delete');
      expect((await ledger())[0]?.[1]).toBe('removed');
      expect((await books.events(id)).map((event) => event.type)).toStrictEqual([
        'resource.created',
        'resource.removed',
      ]);
    }));

  test('begin a failed call anew, and one with another body; one under way is followed with the body that it was made with', () =>
    withRun(async (books, id) => {
      const journal = books.journal(id, 'create-empty-disks', 1);
      await journal.begin(intent);
      await journal.submitted('k', 'p');
      const underWay = { state: 'submitted', pollerState: 'p' };
      expect(await journal.begin({ ...intent, bodyHash: 'other' })).toStrictEqual({ ...underWay, hasOtherBody: true });
      expect(await journal.begin(intent)).toStrictEqual(underWay);
      await journal.failed('k', { code: 'QUOTA', message: 'm', fix: 'f' });
      expect(await journal.begin({ ...intent, bodyHash: 'other' })).toStrictEqual({
        state: 'intended',
        pollerState: null,
      });
      expect(await journal.begin(intent)).toStrictEqual({ state: 'intended', pollerState: null });
    }));

  test('shut out a run whose place was taken, and hand its calls to the next', () =>
    withRun(async (books, id) => {
      const old = books.journal(id, 'create-empty-disks', 1);
      await old.begin(intent);
      await old.submitted('k', 'p');
      const guard = { from: 'running', epoch: 1 } as const;
      await books.transaction((tx) => tx.moveWork(id, stepKey('create-empty-disks'), guard, 'running', { epoch: 2 }));
      const superseded = { code: 'STEP_SUPERSEDED' };
      await expect(old.begin(intent)).rejects.toMatchObject(superseded);
      // The call that it has made is still its own until the next run takes it up.
      await old.submitted('k', 'q');
      const next = books.journal(id, 'create-empty-disks', 2);
      expect(await next.begin(intent)).toStrictEqual({ state: 'submitted', pollerState: 'q' });
      await expect(old.succeeded('k')).rejects.toMatchObject(superseded);
      await expect(old.failed('k', { code: 'c', message: 'm', fix: 'f' })).rejects.toMatchObject(superseded);
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
        await tx.moveWork(id, stepKey('create-empty-disks'), guard, 'running', { epoch: 2 });
        isTaken();
        await asked;
      });
      await taken;
      const begun = books.journal(id, 'create-empty-disks', 1).begin(intent);
      const refused = expect(begun).rejects.toMatchObject({ code: 'STEP_SUPERSEDED' });
      await waiting().finally(commit);
      await Promise.all([taking, refused]);
      expect(await books.ledger(id)).toStrictEqual([]);
    }));

  test('begin no call for a restore that has turned round, but let one be recorded that was made', () =>
    withRun(async (books, id) => {
      const journal = books.journal(id, 'create-empty-disks', 1);
      await journal.begin(intent);
      await books.transaction((tx) => tx.moveRestore(id, { from: 'running', epoch: 1 }, 'cancelling'));
      await expect(journal.begin({ ...intent, key: 'k2' })).rejects.toMatchObject({ code: 'STEP_SUPERSEDED' });
      await journal.succeeded('k');
      expect((await books.ledger(id))[0]?.state).toBe('created');
    }));

  test('keep what was removed as removed when a run tells late that it has made it', () =>
    withRun(async (books, id) => {
      const late = books.journal(id, 'create-empty-disks', 1);
      await late.begin(intent);
      const removal = { key: 'delete', operation: 'disks.delete', azureId: '/disks/SDA', bodyHash: 'd', effect: gone };
      await late.begin(removal);
      await late.succeeded('delete');
      await late.succeeded('k');
      expect((await books.ledger(id))[0]?.state).toBe('removed');
      expect((await books.events(id)).map((event) => event.type)).toStrictEqual(['resource.removed']);
      await late.begin(intent);
      await late.succeeded('k');
      expect((await books.ledger(id))[0]?.state).toBe('created');
    }));

  test('list the ledger of all: what is asked for by its ID, and what ended restores have not settled', () =>
    withRun(async (books, id) => {
      await books.journal(id, 'create-empty-disks', 1).begin(intent);
      const listed = async (ids: readonly string[]) =>
        (await books.ledgerOfAll(ids)).map(({ azureId, owner }) => [
          azureId,
          owner.id,
          owner.kind === 'restore' ? owner.state : null,
        ]);
      expect(await listed([])).toStrictEqual([]);
      expect(await listed(['/disks/SDA', '/disks/other'])).toStrictEqual([['/Disks/sda', id, 'running']]);
      await ended(books, id);
      expect(await listed([])).toStrictEqual([['/Disks/sda', id, 'failed']]);
    }));

  test('let what an ended restore has left be swept, until it is rolled back', () =>
    withRun(async (books, id) => {
      await books.journal(id, 'create-empty-disks', 1).begin(intent);
      const superseded = { code: 'STEP_SUPERSEDED' };
      const removal = { key: 'delete', operation: 'disks.delete', azureId: '/disks/SDA', bodyHash: 'd', effect: gone };
      await expect(books.journal(id, 'sweep', 1).begin(removal)).rejects.toMatchObject(superseded);
      const epoch = await ended(books, id);
      await expect(books.journal(id, 'sweep', epoch - 1).begin(removal)).rejects.toMatchObject(superseded);
      const journal = books.journal(id, 'sweep', epoch);
      await journal.begin(removal);
      await journal.succeeded('delete');
      expect((await books.ledgerOfAll(['/disks/sda']))[0]?.state).toBe('removed');
      expect(await books.ledgerOfAll([])).toStrictEqual([]);
      await books.transaction((tx) => tx.moveRestore(id, { from: 'failed', epoch }, 'rolling-back'));
      await expect(journal.begin(removal)).rejects.toMatchObject(superseded);
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

const PATCH = Buffer.from('boot code');

/** A part of an image, a patch, and a hole. */
function contentsOf(name: string): PlannedContents {
  return {
    name,
    recipe: recipeOf(4_000 * GIB, [
      { at: 4_096, length: 3_000 * GIB, from: { image: 'disk', offset: 8_192 } },
      { at: 0, length: PATCH.length, from: { bytes: patchId(PATCH) } },
    ]),
    source: { repository: 'backups', images: [{ name: 'disk', location: `${name}.raw`, sizeBytes: 3_500 * GIB }] },
    used: [
      { index: 0, offsetBytes: 0, lengthBytes: 8_192, dataBytes: 513 },
      { index: 24_000, offsetBytes: 3_000 * GIB, lengthBytes: 4_096, dataBytes: 4_096 },
    ],
  };
}

function moveOf(restoreId: string, index: number) {
  const range = { offsetBytes: index * 512, lengthBytes: 512 };
  return { restoreId, diskName: 'sda', purpose: 'move', index, ...range } as const;
}

async function dispatched(books: RestoreBooks, restoreId: string, step: StepId): Promise<void> {
  await books.transaction(async (tx) => {
    await tx.moveWork(restoreId, stepKey(step), { from: 'pending', epoch: 0 }, 'pending', { epoch: 1 });
    const payload = { restoreId, work: step, epoch: 1 };
    await tx.enqueue({ queue: 'provisioner', jobId: `${restoreId}-${step}-1`, name: 'run-work', payload });
  });
}
