import { beforeEach, describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import {
  ownerTags,
  PermanentError,
  type CallEffect,
  type CallJournal,
  type LedgerRecord,
  type ResourceRole,
  type RestoreState,
  type RestoreTransaction,
  stepKey,
} from '@landfall/domain';
import { createMetrics } from '@landfall/observability';
import { beginCapture, recordCapture, requestCapture, requestCaptureCancel, requestRestore } from '@landfall/pipeline';
import {
  aRestorePlan,
  aRestoreRequest,
  MemoryBooks,
  MemoryCaptures,
  MemoryCloud,
  MemoryJournal,
  MemoryArchiveCopies,
  MemoryLeases,
  MemoryRetrievals,
  MemoryWorkerDoors,
  MemoryWorkerRegistry,
  nothingArchived,
} from '@landfall/testing';
import { findOrphans } from './find-orphans.js';
import { removeOrphans } from './remove-orphans.js';
import { sweepInTurn } from './scheduled-sweep.js';

const GIB = 1024 ** 3;
const APPLIANCE = 'appliance';
const signal = new AbortController().signal;

let books: MemoryBooks;
let cloud: MemoryCloud;

beforeEach(() => {
  books = new MemoryBooks();
  cloud = new MemoryCloud({ applianceId: APPLIANCE });
});

const ports = () => ({ books, captures: new MemoryCaptures(), cloud, applianceId: APPLIANCE, ...nothingArchived() });
const findings = async () =>
  (await findOrphans(ports())).map(({ azureId, finding }) => [azureId.split('/').at(-1), finding]).sort();

describe('what a capture has left', () => {
  it('is swept away once it has ended, and left alone while it goes on', async () => {
    const captures = new MemoryCaptures();
    const { captureId: id } = await requestCapture(captures, {
      request: { repositoryName: 'main', vmId: '/vms/web', stop: false },
      requestedBy: 'olivia',
    });
    const begun = await beginCapture(captures, { captureId: id, epoch: 1 });
    assert.ok(begun);
    const theirs = await cloud.disks.ensureEmpty(
      { ...placed('source'), sizeBytes: GIB, sku: 'x', os: null, tags: {} },
      new MemoryJournal('x'),
    );
    const { zone: _zone, ...place } = placed('left');
    const spec = { ...place, tags: ownerTags(APPLIANCE, id, 'snapshot'), role: 'snapshot', diskId: theirs.azureId };
    const { azureId } = await cloud.snapshots.ensure(spec, captures.journal(begun.run));
    await cloud.snapshots.grantRead(azureId, 600, captures.journal(begun.run));
    const swept = {
      cloud,
      captures,
      applianceId: APPLIANCE,
      books: { ...ledgerOf(captures, id), journal: books.journal },
    };
    expect(await removeOrphans(swept, null, signal)).toStrictEqual({ removed: [], kept: [] });

    await requestCaptureCancel(captures, id, 'olivia');
    await recordCapture(captures, begun.run, { kind: 'interrupted' });
    const back = await beginCapture(captures, { captureId: id, epoch: 2 });
    await recordCapture(captures, back!.run, { kind: 'done' });
    const [found] = await findOrphans(swept);
    expect([found?.finding, found?.restoreId, found?.restoreState]).toStrictEqual(['left-behind', id, 'cancelled']);
    expect((await removeOrphans(swept, null, signal)).removed).toStrictEqual([azureId]);
    expect((await captures.ledger(id)).map(({ state }) => state)).toStrictEqual(['removed']);
  });
});

/** As Postgres reads it for all owners. */
function ledgerOf(captures: MemoryCaptures, id: string) {
  return {
    async ledgerOfAll(): Promise<readonly LedgerRecord[]> {
      const { state, epoch } = (await captures.capture(id))!;
      const owner = { kind: 'capture', id, state, epoch } as const;
      return (await captures.ledger(id)).map((entry) => ({ ...entry, owner }));
    },
  };
}

function placed(name: string) {
  return { resourceGroup: 'apps', region: 'westeurope', zone: null, name, role: 'x', purpose: 'help' as const };
}

describe('looking for orphans', () => {
  it('finds what a restore has left behind that should have left nothing', async () => {
    for (const state of ['failed', 'cancelled', 'rolled-back'] as const) {
      const restoreId = await ended(state, (id, journal) => disk(`left-${state}`, id, journal));
      const [found] = (await findOrphans(ports())).filter((orphan) => orphan.restoreId === restoreId);
      assert.deepEqual([found?.finding, found?.removable], ['left-behind', true], state);
    }
  });

  it('finds it, too, where the ledger has it as removed', async () => {
    const restoreId = await ended('cancelled', async (id, journal) => {
      await disk('late', id, journal);
      const azureId = cloud.reader.diskId('apps', 'late');
      await cloud.disks.remove({ azureId, tags: ownerTags(APPLIANCE, id, 'disk') }, journal);
    });
    // A call that had been on its way for long has its effect now.
    await disk('late', restoreId, new MemoryJournal(restoreId));
    expect(await findings()).toStrictEqual([['late', 'left-behind']]);
  });

  it('takes the result of a completed restore for what it is, and its worker for an orphan', async () => {
    await ended('completed', async (id, journal) => {
      await disk('result', id, journal);
      await disk('worker-os', id, journal, 'worker-os-disk');
    });
    expect(await findings()).toStrictEqual([['worker-os', 'left-behind']]);
  });

  it('leaves what is kept for longer, whatever became of its restore, and finds it once its date is past', async () => {
    const copies = { left: new Date('2126-01-01T00:00:00.000Z'), due: new Date('2020-01-01T00:00:00.000Z') };
    for (const state of ['completed', 'rolled-back', 'failed', 'cancelled'] as const) {
      const restoreId = await ended(state, async (id, journal) => {
        for (const [name, keepUntil] of Object.entries(copies)) {
          const { azureId } = await disk(`${name}-${state}`, id, new MemoryJournal(id));
          await recorded(journal, azureId, { creates: { kind: 'disk', role: 'disk', purpose: 'safety', keepUntil } });
        }
      });
      const found = (await findOrphans(ports())).filter((orphan) => orphan.restoreId === restoreId);
      assert.deepEqual(
        found.map(({ azureId, finding }) => [azureId.split('/').at(-1), finding]),
        [[`due-${state}`, 'left-behind']],
        state,
      );
    }
    await removeOrphans(ports(), null, signal);
    const names = cloud.subscription.inventory.map((azureId) => azureId.split('/').at(-1));
    expect(names).toStrictEqual(['left-cancelled', 'left-completed', 'left-failed', 'left-rolled-back']);
  });

  it('finds what was to move under whichever of its IDs it is', async () => {
    for (const at of ['staged', 'final']) {
      const restoreId = await ended('failed', async (id, journal) => {
        const [from, to] = [`staged-${id}`, `final-${id}`].map((name) => cloud.reader.diskId('apps', name));
        await disk(`${at}-${id}`, id, new MemoryJournal(id));
        await recorded(journal, from!, { creates: { kind: 'disk', role: 'disk', purpose: 'result' } });
        const moves = { to: to! };
        await journal.begin({ key: 'move', operation: 'o', azureId: from!, bodyHash: '', effect: { moves } });
      });
      const found = await findings();
      assert.deepEqual(found, [
        [`final-${restoreId}`, at === 'final' ? 'left-behind' : 'never-created'],
        [`staged-${restoreId}`, at === 'staged' ? 'left-behind' : 'never-created'],
      ]);
      await removeOrphans(ports(), null, signal);
      assert.deepEqual([await findings(), cloud.subscription.inventory], [[], []], at);
    }
  });

  it('leaves the source alone that a restore was to replace, whatever its tags', async () => {
    for (const state of ['failed', 'completed'] as const)
      await ended(state, async (id, journal) => {
        const { azureId } = await disk(`source-${state}`, id, new MemoryJournal(id));
        const effect = { removes: { kind: 'disk', instanceId: 'one' } } as const;
        await journal.begin({ key: 'remove', operation: 'o', azureId, bodyHash: '', effect });
      });
    expect(await findings()).toStrictEqual([]);
  });

  it('leaves a restore alone that is under way or waits for a person', async () => {
    for (const state of ['running', 'needs-attention'] as const) {
      const restoreId = await runningRestore();
      await books.transaction((tx) => begunStep(tx, restoreId));
      const journal = books.journal(restoreId, 'create-empty-disks', 1);
      await disk(`made-${state}`, restoreId, journal);
      await begin(`unmade-${state}`, restoreId, journal);
      await disk(`of-${state}`, restoreId, new MemoryJournal(restoreId));
      if (state === 'needs-attention') await move(restoreId, state);
    }
    // What carries the tags of a restore and is in no ledger is reported, whatever the restore is doing.
    expect(await findings()).toStrictEqual([
      ['of-needs-attention', 'unknown'],
      ['of-running', 'unknown'],
    ]);
    expect((await findOrphans(ports())).every(({ removable }) => !removable)).toBe(true);
  });

  it('tells what was intended and never made', async () => {
    await ended('failed', (id, journal) => begin('never', id, journal));
    expect(await findings()).toStrictEqual([['never', 'never-created']]);
  });

  it('tells what is in a ledger and does not carry our tags any more', async () => {
    await ended('failed', (id, journal) => disk('adopted', id, journal));
    cloud.subscription.disks.get(cloud.reader.diskId('apps', 'adopted').toLowerCase())!.tags = {
      owner: 'somebody else',
    };
    const [found] = await findOrphans(ports());
    expect([found?.finding, found?.removable]).toStrictEqual(['not-ours', false]);
  });

  it('tells a resource by its restore and not by its name: one of another restore is not taken for it', async () => {
    await ended('failed', (id, journal) => begin('web', id, journal));
    await ended('completed', (id, journal) => disk('web', id, journal));
    expect(await findings()).toStrictEqual([['web', 'not-ours']]);
  });
});

describe('removing orphans', () => {
  it('removes what is left behind and settles what was never made, and then finds nothing', async () => {
    const restoreId = await ended('failed', async (id, journal) => {
      await disk('left', id, journal);
      await begin('never', id, journal);
    });
    const { removed, kept } = await removeOrphans(ports(), null, signal);
    expect(removed.map((id) => id.split('/').at(-1)).sort()).toStrictEqual(['left', 'never']);
    expect(kept).toStrictEqual([]);
    expect(cloud.subscription.inventory).toStrictEqual([]);
    expect((await books.ledger(restoreId)).every((entry) => entry.state === 'removed')).toBe(true);
    expect(await findings()).toStrictEqual([]);
  });

  it('removes only what it is asked to', async () => {
    await ended('failed', async (id, journal) => {
      await disk('one', id, journal);
      await disk('two', id, journal);
    });
    await removeOrphans(ports(), [cloud.reader.diskId('APPS', 'ONE')], signal);
    expect(await findings()).toStrictEqual([['two', 'left-behind']]);
  });

  it('touches neither a stranger of the same name pattern nor what is tagged and in no ledger', async () => {
    const restoreId = await ended('failed', (id, journal) => disk(`sda-${id}`, id, journal));
    const stranger = await cloud.disks.ensureEmpty(
      { ...spec(`sdb-${restoreId}`, restoreId, 'disk'), tags: {} },
      new MemoryJournal(restoreId),
    );
    const unlisted = await disk(`sdc-${restoreId}`, restoreId, new MemoryJournal(restoreId));
    const wanted = [stranger.azureId, unlisted.azureId, cloud.reader.diskId('apps', `sda-${restoreId}`)];
    const { removed } = await removeOrphans(ports(), wanted, signal);
    expect(removed).toStrictEqual([wanted[2]]);
    expect(cloud.subscription.inventory).toStrictEqual([stranger.azureId, unlisted.azureId].sort());
    expect(await findings()).toStrictEqual([[`sdc-${restoreId}`, 'unknown']]);
  });

  it('keeps and names what can’t be removed, and goes on with the rest', async () => {
    await ended('failed', async (id, journal) => {
      await disk('locked', id, journal);
      await disk('free', id, journal);
    });
    cloud.subscription.failNext(
      'disks.remove',
      new PermanentError({ code: 'LOCKED', message: 'A lock.', fix: 'Take it off.' }),
    );
    const { removed, kept } = await removeOrphans(ports(), null, signal);
    expect(removed.length).toBe(1);
    expect(kept.map(({ code }) => code)).toStrictEqual(['LOCKED']);
    expect(cloud.subscription.inventory.length).toBe(1);
  });

  it('stops when the restore is rolled back meanwhile: that clean-up does it', async () => {
    const restoreId = await ended('failed', (id, journal) => disk('left', id, journal));
    const journal = books.journal(restoreId, 'sweep', (await books.restore(restoreId))!.epoch);
    await move(restoreId, 'rolling-back');
    const azureId = cloud.reader.diskId('apps', 'left');
    const effect = { removes: 'ours' } as const;
    const begun = journal.begin({ key: 'k', operation: 'disk.delete', azureId, bodyHash: '', effect });
    await expect(begun).rejects.toMatchObject({ code: 'STEP_SUPERSEDED' });
  });
});

describe('the scheduled sweep', () => {
  it('removes what was brought back from the archive tier once it is older than it has to be', async () => {
    const restoreId = await ended('completed', async () => undefined);
    const copies = new MemoryArchiveCopies([]);
    let hours = 0;
    const retrievals = new MemoryRetrievals(books, () => Date.now() + hours * 3_600_000);
    await books.transaction((tx) =>
      tx.storeRetrieval(restoreId, { url: 'azure://backups/copies', files: [], keepHours: 72 }),
    );
    const metrics = createMetrics('finalizer');
    const log = { info: () => undefined, warn: () => undefined };
    const doorPorts = { doors: new MemoryWorkerDoors(), workers: new MemoryWorkerRegistry() };
    const archive = { retrievals, copiesOf: async () => copies };
    const options = { ...ports(), ...doorPorts, ...archive, metrics, log, everyMs: 0, holder: 'a' };
    const sweep = () => sweepInTurn({ ...options, leases: new MemoryLeases() }, signal);
    hours = 71;
    await sweep();
    expect(copies.removals).toBe(0);
    hours = 73;
    copies.failure = new Error('away');
    await sweep();
    expect(await retrievals.url(restoreId)).not.toBe(null);
    for (let time = 0; time < 2; time += 1) await sweep();
    expect([copies.removals, await retrievals.url(restoreId)]).toStrictEqual([1, null]);
  });

  it('is done by one of several finalizers, once in an interval', async () => {
    await ended('failed', (id, journal) => disk('left', id, journal));
    let now = 0;
    const leases = new MemoryLeases(() => now);
    const metrics = createMetrics('finalizer');
    const log = { info: () => undefined, warn: () => undefined };
    const doorPorts = { doors: new MemoryWorkerDoors(), workers: new MemoryWorkerRegistry() };
    const options = { ...ports(), ...doorPorts, leases, metrics, log, everyMs: 60_000 };
    await Promise.all(['a', 'b', 'c'].map((holder) => sweepInTurn({ ...options, holder }, signal)));
    expect(cloud.subscription.inventory).toStrictEqual([]);
    expect(cloud.subscription.changes.filter((change) => change.startsWith('disks.remove')).length).toBe(1);

    await ended('failed', (id, journal) => disk('later', id, journal));
    await sweepInTurn({ ...options, holder: 'a' }, signal);
    expect(cloud.subscription.inventory.length).toBe(1);
    now = 60_000;
    await sweepInTurn({ ...options, holder: 'b' }, signal);
    expect(cloud.subscription.inventory).toStrictEqual([]);
    expect((await metrics.sweptResources.get()).values[0]?.value).toBe(2);
  });

  it('shuts the doors of workers that are retired or unknown, and sweeps the rest when Redis is away', async () => {
    const [doors, workers] = [new MemoryWorkerDoors(), new MemoryWorkerRegistry()];
    const bootstrap = { bootstrapTokenHash: 'x', bootstrapSeconds: 60 };
    for (const id of ['w-launching', 'w-retired']) {
      await workers.enter({ id, restoreId: 'r1', azureId: `/vms/${id}`, disks: [], ...bootstrap });
      doors.open.add(id);
    }
    await workers.retire('w-retired');
    doors.open.add('w-unknown');
    const metrics = createMetrics('finalizer');
    const log = { info: () => undefined, warn: () => undefined };
    const options = { ...ports(), doors, workers, leases: new MemoryLeases(), metrics, log, everyMs: 0, holder: 'a' };
    await sweepInTurn(options, signal);
    expect([...doors.open]).toStrictEqual(['w-launching']);

    await ended('failed', (id, journal) => disk('left', id, journal));
    doors.away = true;
    await sweepInTurn(options, signal);
    expect(cloud.subscription.inventory).toStrictEqual([]);
  });
});

/** A restore whose step 3 does this, and that then comes to its end. */
async function ended(
  state: 'failed' | 'cancelled' | 'rolled-back' | 'completed',
  work: (restoreId: string, journal: CallJournal) => Promise<unknown>,
): Promise<string> {
  const restoreId = await runningRestore();
  await books.transaction((tx) => begunStep(tx, restoreId));
  const journal = books.journal(restoreId, 'create-empty-disks', 1);
  await work(restoreId, journal);
  const ways: Record<typeof state, readonly RestoreState[]> = {
    failed: ['rolling-back', 'failed'],
    cancelled: ['cancelling', 'cancelled'],
    'rolled-back': ['rolling-back', 'rolled-back'],
    completed: ['completed'],
  };
  for (const next of ways[state]) await move(restoreId, next);
  return restoreId;
}

async function runningRestore(): Promise<string> {
  const { restoreId } = await requestRestore(books, { request: aRestoreRequest(), requestedBy: 'tester' });
  await books.transaction((tx) => tx.storePlan(restoreId, aRestorePlan()));
  await move(restoreId, 'running');
  return restoreId;
}

async function begunStep(tx: RestoreTransaction, restoreId: string): Promise<void> {
  const step = 'create-empty-disks';
  await tx.moveWork(restoreId, stepKey(step), { from: 'pending', epoch: 0 }, 'running', { epoch: 1 });
}

async function move(restoreId: string, to: RestoreState): Promise<void> {
  const restore = await books.restore(restoreId);
  assert.ok(restore);
  const guard = { from: restore.state, epoch: restore.epoch };
  expect(await books.transaction((tx) => tx.moveRestore(restoreId, guard, to))).toBe(true);
}

function disk(name: string, restoreId: string, journal: CallJournal, role: ResourceRole = 'disk') {
  return cloud.disks.ensureEmpty(spec(name, restoreId, role), journal);
}

function begin(name: string, restoreId: string, journal: CallJournal) {
  const azureId = cloud.reader.diskId('apps', name);
  const effect = { creates: { kind: 'disk', role: 'disk', purpose: 'result' } } as const;
  return journal.begin({
    key: `${restoreId}:${name}`,
    operation: 'disks.createOrUpdate',
    azureId,
    bodyHash: '',
    effect,
  });
}

/** Enters into the ledger what a call has done. */
async function recorded(journal: CallJournal, azureId: string, effect: CallEffect): Promise<void> {
  await journal.begin({ key: azureId, operation: 'o', azureId, bodyHash: '', effect });
  await journal.succeeded(azureId);
}

function spec(name: string, restoreId: string, role: ResourceRole) {
  const place = { resourceGroup: 'apps', region: 'westeurope', zone: null };
  const tags = ownerTags(APPLIANCE, restoreId, role);
  const purpose = role === 'disk' ? ('result' as const) : ('help' as const);
  return { ...place, name, role, purpose, tags, sizeBytes: GIB, sku: 'StandardSSD_LRS', os: null };
}
