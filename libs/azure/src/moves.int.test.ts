import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import { RestError } from '@azure/arm-compute';
import { createDefaultHttpClient, type HttpClient } from '@azure/core-rest-pipeline';
import { SEED } from '@landfall/azure-emulator';
import { newRestoreId, ownerTags, type CloudDisk, type DiskMove } from '@landfall/domain';
import { MemoryJournal, throughEveryCrash } from '@landfall/testing';
import type { AzureCloud } from './azure-cloud.js';
import type { ArmCall } from './connection.js';
import { APPLIANCE, EmulatedAzure } from './emulated-azure.fixture.test.js';

/* Moves of disks that go wrong in the ways in which only Azure's own protocol can. */
const SUBSCRIPTION = '00000000-0000-4000-8000-0000000000ab';
const MOVE = 'POST moveresources';

let azure: EmulatedAzure;
let cloud: AzureCloud;

beforeAll(async () => {
  azure = await EmulatedAzure.start(SUBSCRIPTION);
  cloud = azure.cloud;
});
afterAll(() => azure.close());

describe('a move of disks', () => {
  it('takes place once, wherever the process dies', async () => {
    const { move, books } = await staged('os', 'data');
    const moves = movesFrom(move.from);
    const crashes = await throughEveryCrash(books, (crashing) => cloud.groups.moveDisks(move, crashing));
    assert.ok(crashes > 10, `only ${crashes} boundaries were visited`);
    expect(moves()).toBe(1);
    await expectMoved(move, books);
  });

  it('goes on with what is left when Azure has given up half-way, wherever the process dies', async () => {
    const { move, books } = await staged('a', 'b', 'c');
    await azure.faults.add({ kind: 'partial-move', resource: move.disks[0]?.azureId ?? '' });
    const moves = movesFrom(move.from);
    const timedOut = { code: 'MOVE_TIMED_OUT', kind: 'retryable' };
    await expect(cloud.groups.moveDisks(move, books)).rejects.toMatchObject(timedOut);
    const shown = await Promise.all(move.disks.map(({ azureId }) => cloud.reader.disk(azureId)));
    expect(shown.map((disk) => disk === null)).toStrictEqual([true, true, false]);
    await throughEveryCrash(books, (crashing) => cloud.groups.moveDisks(move, crashing));
    expect(moves()).toBe(2);
    await expectMoved(move, books);
  });

  it('that timed out when all had moved is done, and not asked for again', async () => {
    const { move, books } = await staged('late');
    await azure.faults.add({ kind: 'move-times-out', resource: move.disks[0]?.azureId ?? '' });
    const moves = movesFrom(move.from);
    await expect(cloud.groups.moveDisks(move, books)).rejects.toMatchObject({ code: 'MOVE_TIMED_OUT' });
    await cloud.groups.moveDisks(move, books);
    expect(moves()).toBe(1);
    await expectMoved(move, books);
  });

  it('of which half is there already and the rest is refused for good, leaves both in the ledger where they are', async () => {
    const { move, books, disk } = await staged('gone', 'stuck');
    const [gone, stuck] = move.disks;
    assert.ok(gone && stuck);
    await azure.faults.add({ kind: 'partial-move', resource: gone.azureId });
    await expect(cloud.groups.moveDisks(move, books)).rejects.toMatchObject({ code: 'MOVE_TIMED_OUT' });
    await cloud.disks.ensureEmpty(disk('stuck', move.to), new MemoryJournal(books.ownerId));
    await expect(cloud.groups.moveDisks(move, books)).rejects.toMatchObject({
      code: 'MOVE_INVALID',
      kind: 'permanent',
    });
    const states = new Map(books.ledger.map((entry) => [entry.azureId.toLowerCase(), entry.state]));
    const of = (id: string) => states.get(id.toLowerCase());
    expect([of(gone.azureId), of(targetOf(gone, move))]).toStrictEqual(['removed', 'created']);
    expect(of(stuck.azureId)).toBe('created');
  });

  it('is found out by looking when the answer to it is lost', async () => {
    const { move, books } = await staged('lost');
    const answers: number[] = [];
    await azure.connect(losingFirstMove(answers)).groups.moveDisks(move, books);
    expect(answers.filter((status) => status === 202)).toHaveLength(1);
    await expectMoved(move, books);
  });

  it('waits for another move out of the same group', async () => {
    const first = await staged('before');
    const { disk, move } = first;
    const next = await cloud.disks.ensureEmpty(disk('after', move.from), first.books);
    await azure.faults.change({ delaysMs: { 'resources.move': 120 } });
    const other = cloud.groups.moveDisks(move, first.books);
    await until(async () => (await cloud.reader.resourceGroup(move.to))?.provisioningState === 'MovingResources');
    const books = new MemoryJournal(first.books.ownerId);
    const [moved] = await cloud.groups.moveDisks({ ...move, disks: [next] }, books);
    await azure.faults.change({ delaysMs: {} });
    expect(moved?.uniqueId).toBe(next.uniqueId);
    await other;
    await expectMoved(move, first.books);
  });
});

describe('a move that is asked for beforehand', () => {
  it('says nothing of what Azure does not answer', async () => {
    const { move } = await staged('asked');
    const wish = { ...move, diskIds: move.disks.map(({ azureId }) => azureId) };
    await expect(cloud.groups.validateMove({ ...wish, to: 'no-such-group' })).rejects.toMatchObject({
      code: 'RESOURCE_GROUP_NOT_FOUND',
    });
    const aborted = AbortSignal.abort();
    await expect(cloud.groups.validateMove(wish, aborted)).rejects.toMatchObject({ code: 'INTERRUPTED' });
  });
});

/** Disks of a new restore in a group of their own, and the group that they are to move to. */
async function staged(...names: string[]) {
  const restoreId = newRestoreId();
  const books = new MemoryJournal(restoreId);
  const disk = (name: string, resourceGroup: string) => ({
    ...{ resourceGroup, region: SEED.region, zone: null, name: `${name}-${restoreId}`, role: 'disk' },
    ...{ purpose: 'result' as const, tags: ownerTags(APPLIANCE, restoreId, 'disk') },
    ...{ sizeBytes: 1024 ** 3, sku: 'StandardSSD_LRS', os: null },
  });
  const from = `staging-${restoreId}`;
  const to = `target-${restoreId}`;
  for (const name of [from, to]) {
    const tags = ownerTags(APPLIANCE, restoreId, 'staging');
    await cloud.groups.ensure({ name, region: SEED.region, tags, role: 'staging', purpose: 'help' }, books);
  }
  const disks: CloudDisk[] = [];
  for (const name of names) disks.push(await cloud.disks.ensureEmpty(disk(name, from), books));
  return { books, disk, move: { from, to, disks } };
}

async function expectMoved(move: DiskMove, books: MemoryJournal): Promise<void> {
  const entries = new Map(books.ledger.map((entry) => [entry.azureId.toLowerCase(), entry]));
  for (const { azureId, uniqueId } of move.disks) {
    const target = targetOf({ azureId }, move);
    expect((await cloud.reader.disk(target))?.uniqueId).toBe(uniqueId);
    expect(await cloud.reader.disk(azureId)).toBe(null);
    expect(entries.get(azureId.toLowerCase())?.state).toBe('removed');
    expect(entries.get(target.toLowerCase())).toMatchObject({ state: 'created', movedFrom: azureId });
  }
}

function targetOf({ azureId }: { readonly azureId: string }, { to }: DiskMove): string {
  return cloud.reader.diskId(to, azureId.split('/').at(-1) ?? '');
}

/** Counts, from here on, the moves that Azure has accepted. */
function movesFrom(group: string): () => number {
  const before = azure.calls.length;
  const isMove = ({ method, path, status }: ArmCall): boolean =>
    `${method} ${path.split('/').at(-1)?.toLowerCase()}` === MOVE && path.includes(group) && status === 202;
  return () => azure.calls.slice(before).filter(isMove).length;
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo()));
}

/** The first move arrives, and the answer to it does not. @param answers to moves, by their status */
function losingFirstMove(answers: number[]): HttpClient {
  const real = createDefaultHttpClient();
  return {
    async sendRequest(request) {
      const response = await real.sendRequest(request);
      if (!request.url.includes('/moveResources')) return response;
      answers.push(response.status);
      if (answers.length > 1) return response;
      throw new RestError('socket hang up', { code: 'ECONNABORTED', request });
    },
  };
}
