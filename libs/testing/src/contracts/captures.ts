import { describe, expect, it } from '@jest/globals';
import { newCaptureId, type CaptureBooks, type CaptureRun } from '@landfall/domain';

export interface CapturesUnderTest {
  readonly captures: CaptureBooks;
  dispose(): Promise<void>;
}

const SNAPSHOT = { creates: { kind: 'snapshot', role: 'snapshot', purpose: 'help' } } as const;
const SUPERSEDED = { code: 'STEP_SUPERSEDED' };
const ERROR = { code: 'VM_MISSING', message: 'm', fix: 'f' };

/** Registers the tests of what every `CaptureBooks` keeps to. */
export function capturesContract(name: string, make: () => Promise<CapturesUnderTest>): void {
  const withCaptures = async (use: (captures: CaptureBooks) => Promise<void>): Promise<void> => {
    const made = await make();
    try {
      await use(made.captures);
    } finally {
      await made.dispose();
    }
  };

  describe(name, () => {
    it('keeps a capture as it was asked for, and no second one of its VM beside it', () =>
      withCaptures(async (captures) => {
        const id = await created(captures, '/vms/Web');
        const capture = await captures.capture(id);
        expect(capture).toStrictEqual({
          ...{ id, repositoryName: 'main', vmId: '/vms/Web', stop: true, requestedBy: 'olivia' },
          ...{ state: 'queued', epoch: 0, begun: false, attempts: 0, outcome: null, error: null, machine: null },
          ...{ takenAt: null, oneState: null, disks: [], problems: [], createdAt: capture?.createdAt, endedAt: null },
        });
        await expect(created(captures, '/vms/WEB')).rejects.toMatchObject({ code: 'CAPTURE_UNDER_WAY' });
        expect((await captures.captures()).map((each) => each.id)).toStrictEqual([id]);
        await ended(captures, id);
        const next = await created(captures, '/vms/web');
        expect((await captures.captures()).map((each) => each.id)).toStrictEqual([next, id]);
        expect((await captures.captures({ states: ['cancelled'], limit: 1 })).map((each) => each.id)).toStrictEqual([
          id,
        ]);
      }));

    it('changes it for the writer alone who believes the right thing, and in no way that there is not', () =>
      withCaptures(async (captures) => {
        const id = await created(captures);
        const move = (epoch: number) =>
          captures.transaction((tx) => tx.moveCapture(id, { from: 'queued', epoch }, 'running', { begun: true }));
        expect([await move(7), await move(0), await move(0)]).toStrictEqual([false, true, false]);
        const illegal = captures.transaction((tx) => tx.moveCapture(id, { from: 'running', epoch: 0 }, 'cancelled'));
        await expect(illegal).rejects.toThrow('may not go');
        const undecided = captures.transaction((tx) => tx.moveCapture(id, { from: 'running', epoch: 0 }, 'completed'));
        await expect(undecided).rejects.toThrow();
        const unexplained = captures.transaction((tx) => tx.patchCapture(id, { outcome: 'failed' }));
        await expect(unexplained).rejects.toThrow();
        expect((await captures.capture(id))?.state).toBe('running');
      }));

    it('keeps the disks of the VM in their order, how far each has come, and the sealed model apart', () =>
      withCaptures(async (captures) => {
        const { id, run } = await running(captures);
        const place = { diskId: '/disks/a', sizeBytes: 5 * 2 ** 40 };
        const disks = [
          { name: 'os', role: 'os' as const, lun: null, ...place },
          { name: 'lun1', role: 'data' as const, lun: 1, ...place },
        ];
        expect(await captures.sealedModel(id)).toBe(null);
        await captures.transaction((tx) => tx.saveModel(id, { machine: 'web', sealedModel: 'sealed', disks }));
        await captures.reportProgress(run, 'lun1', 4 * 2 ** 40);
        await captures.reportProgress({ ...run, epoch: 9 }, 'os', 1);
        await captures.transaction((tx) => tx.patchDisk(id, 'os', { file: 'os.raw', stored: 'abc' }));
        const capture = await captures.capture(id);
        expect(capture?.disks).toStrictEqual([
          { ...disks[0], bytesDone: 0, file: 'os.raw', stored: 'abc' },
          { ...disks[1], bytesDone: 4 * 2 ** 40, file: null, stored: null },
        ]);
        expect([capture?.machine, await captures.sealedModel(id)]).toStrictEqual(['web', 'sealed']);
        // It may hold secrets of the VM's owner, and nobody needs it any more.
        await ended(captures, id);
        expect(await captures.sealedModel(id)).toBe(null);
      }));

    it('tells its history in order', () =>
      withCaptures(async (captures) => {
        const id = await created(captures);
        for (const type of ['a', 'b', 'c']) await captures.transaction((tx) => tx.addEvent(id, type, 'm', { type }));
        const shown = (await captures.events(id, 1)).map(({ sequence, type, data }) => [sequence, type, data]);
        expect(shown).toStrictEqual([
          [2, 'b', { type: 'b' }],
          [3, 'c', { type: 'c' }],
        ]);
      }));

    it('lets a run write into journal and ledger for as long as it is the one that is wanted', () =>
      withCaptures(async (captures) => {
        const { id, run } = await running(captures);
        const intent = { key: 'k', operation: 'o', azureId: '/snapshots/Os', bodyHash: 'h', effect: SNAPSHOT };
        const journal = captures.journal(run);
        expect(journal.ownerId).toBe(id);
        await journal.begin(intent);
        await journal.succeeded('k', { azureId: '/snapshots/Os' });
        expect((await captures.ledger(id)).map(({ azureId, state }) => [azureId, state])).toStrictEqual([
          ['/snapshots/Os', 'created'],
        ]);
        expect((await captures.events(id)).map(({ type }) => type)).toStrictEqual(['resource.created']);
        await captures.transaction((tx) => tx.requireCurrent(run));
        for (const stale of [
          { ...run, epoch: 0 },
          { ...run, goesBack: true },
        ]) {
          await expect(captures.journal(stale).begin(intent)).rejects.toMatchObject(SUPERSEDED);
          await expect(captures.transaction((tx) => tx.requireCurrent(stale))).rejects.toMatchObject(SUPERSEDED);
        }
        // Once its end is decided, it goes back.
        await captures.transaction((tx) => tx.patchCapture(id, { outcome: 'failed', error: ERROR }));
        await expect(journal.begin(intent)).rejects.toMatchObject(SUPERSEDED);
        await captures.journal({ ...run, goesBack: true }).begin(intent);
        await captures.transaction((tx) => tx.patchCapture(id, { epoch: 2, begun: false }));
        await expect(captures.journal({ ...run, goesBack: true }).begin(intent)).rejects.toMatchObject(SUPERSEDED);
        await expect(captures.journal({ captureId: id, epoch: 2, goesBack: true }).begin(intent)).rejects.toMatchObject(
          SUPERSEDED,
        );
      }));

    it('keeps open what it has changed of the VM, until that is undone', () =>
      withCaptures(async (captures) => {
        const { id, run } = await running(captures);
        const journal = captures.journal(run);
        const call = { operation: 'o', azureId: '/vms/web', bodyHash: 'h' };
        await journal.begin({ ...call, key: 'stop', effect: { changes: { what: 'power', was: 'running' } } });
        expect((await captures.openChanges(id)).map(({ what, was }) => [what, was])).toStrictEqual([
          ['power', 'running'],
        ]);
        await journal.begin({ ...call, key: 'start', effect: { changes: { undoes: 'power' } } });
        await journal.succeeded('start');
        expect(await captures.openChanges(id)).toStrictEqual([]);
      }));

    it('lets the sweep remove what an ended capture has left, and nothing of one that goes on', () =>
      withCaptures(async (captures) => {
        const { id, run } = await running(captures);
        const intent = { operation: 'o', azureId: '/snapshots/os', bodyHash: 'h' };
        await captures.journal(run).begin({ ...intent, key: 'make', effect: SNAPSHOT });
        const removal = { ...intent, key: 'remove', effect: { removes: 'ours' } } as const;
        await expect(captures.sweepJournal(id, 1).begin(removal)).rejects.toMatchObject(SUPERSEDED);
        await ended(captures, id);
        await expect(captures.sweepJournal(id, 9).begin(removal)).rejects.toMatchObject(SUPERSEDED);
        const journal = captures.sweepJournal(id, 1);
        await journal.begin(removal);
        await journal.succeeded('remove');
        expect((await captures.ledger(id)).map(({ state }) => state)).toStrictEqual(['removed']);
      }));

    it('names those that should be moving, but for one whose job waits for the relay', () =>
      withCaptures(async (captures) => {
        const id = await created(captures);
        expect((await captures.runnable()).map((each) => each.id)).toStrictEqual([id]);
        const job = { queue: 'q', jobId: `${id}-0`, name: 'run-capture', payload: { captureId: id, epoch: 0 } };
        await captures.transaction((tx) => tx.enqueue(job));
        expect(await captures.runnable()).toStrictEqual([]);
        await captures.transaction((tx) => tx.patchCapture(id, { epoch: 1 }));
        expect((await captures.runnable()).map((each) => each.id)).toStrictEqual([id]);
        await ended(captures, id);
        expect(await captures.runnable()).toStrictEqual([]);
      }));
  });
}

async function created(captures: CaptureBooks, vmId = '/vms/web'): Promise<string> {
  const id = newCaptureId();
  const wanted = { id, repositoryName: 'main', vmId, stop: true, requestedBy: 'olivia' };
  await captures.transaction((tx) => tx.createCapture(wanted));
  return id;
}

async function running(captures: CaptureBooks): Promise<{ id: string; run: CaptureRun }> {
  const id = await created(captures);
  await captures.transaction(async (tx) => {
    await tx.moveCapture(id, { from: 'queued', epoch: 0 }, 'running', { epoch: 1, begun: true });
  });
  return { id, run: { captureId: id, epoch: 1, goesBack: false } };
}

async function ended(captures: CaptureBooks, id: string): Promise<void> {
  await captures.transaction(async (tx) => {
    const capture = await tx.lockCapture(id);
    const { state, epoch } = capture!;
    await tx.moveCapture(id, { from: state, epoch }, 'cancelling', { outcome: 'cancelled' });
    await tx.moveCapture(id, { from: 'cancelling', epoch }, 'cancelled');
  });
}
