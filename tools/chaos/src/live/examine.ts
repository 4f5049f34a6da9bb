import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Restore } from '@landfall/domain';
import { describeViolation, judge, type Evidence, type RestoreHistory } from '@landfall/testing';
import { Redis } from 'ioredis';
import type { Cell } from './cell.js';
import { differences } from './compare-disks.js';
import { failedForGood } from './failed-disks.js';

/*
 * Hands what a cell shows from outside to the oracle: the emulator's inventory, the books, the disks' bytes, the logs, all
 * of Redis. Each sentence that comes back names the invariant that is broken.
 */
export async function examineEnd(cell: Cell, restore: Restore, wanted: readonly Restore['state'][]): Promise<string[]> {
  const broken: string[] = [];
  if (!wanted.includes(restore.state)) {
    const step = restore.works.find(({ state }) => state === 'running' || state === 'failed');
    const error = restore.error === null ? 'no error' : `${restore.error.code}: ${restore.error.message}`;
    broken.push(
      `I6: restore ${restore.id} is ${restore.state}, not ${wanted.join(' or ')} (${step?.id ?? '-'}, ${error})`,
    );
  }
  const evidence: Evidence = {
    applianceId: cell.installation.applianceId,
    restores: [await historyOf(cell, restore)],
    // Whether it has come to an end that is allowed was looked at above.
    settled: false,
    inventory: await inventoryOf(cell),
    disks: restore.state === 'completed' ? await comparisons(cell, restore) : [],
    failedForGood: failedForGood(cell.struck, restore),
  };
  return [...broken, ...judge(evidence).map(describeViolation)];
}

/** Many restores that are to be completed: the history of each, and the disks of each `compareEvery`th. */
export async function examineMany(cell: Cell, restores: readonly Restore[], compareEvery: number): Promise<string[]> {
  const completed = restores.filter(({ state }) => state === 'completed');
  const histories: RestoreHistory[] = [];
  for (const restore of restores) histories.push(await historyOf(cell, restore));
  const disks: NonNullable<Evidence['disks']>[number][] = [];
  for (const [index, restore] of completed.entries()) {
    if (index % compareEvery === 0) disks.push(...(await comparisons(cell, restore)));
  }
  const evidence: Evidence = {
    applianceId: cell.installation.applianceId,
    restores: histories,
    settled: true,
    inventory: await inventoryOf(cell),
    disks,
  };
  return judge(evidence).map(describeViolation);
}

/** Once for a cell, at its end. */
export async function examineCell(cell: Cell): Promise<string[]> {
  const left = new Set((await cell.azure.resources()).map((resource) => resource.id.toLowerCase()));
  const print = (azureId: string) => ({ azureId, print: left.has(azureId) ? 'there' : 'gone' });
  const evidence: Evidence = {
    applianceId: cell.installation.applianceId,
    restores: [],
    settled: true,
    audit: await cell.books.audit.verify(),
    texts: [...logsOf(cell), { where: 'Redis', text: await textOfRedis(cell) }],
    canaries: [cell.ground.sample.password, cell.installation.secretKey],
  };
  const gone = cell.seeded.map(print).filter((each) => each.print === 'gone');
  return [
    ...judge(evidence).map(describeViolation),
    ...gone.map(({ azureId }) => `I8: ${azureId}, which is somebody else's, is gone`),
  ];
}

async function historyOf(cell: Cell, restore: Restore): Promise<RestoreHistory> {
  const { books } = cell.books;
  const [events, ledger, segments] = await Promise.all([
    books.events(restore.id, 0, 100_000),
    books.ledger(restore.id),
    books.segments(restore.id),
  ]);
  return { restore, events, ledger, segments };
}

async function inventoryOf(cell: Cell): Promise<Evidence['inventory']> {
  return (await cell.azure.resources()).map(({ id, type, tags }) => ({ azureId: id, kind: type, tags }));
}

async function comparisons(cell: Cell, restore: Restore): Promise<NonNullable<Evidence['disks']>> {
  const found = await differences(cell, restore);
  const same = { restoreId: restore.id, expected: 'as it was backed up' };
  return cell.ground.sample.disks.map(({ name }) => ({
    ...same,
    diskName: name,
    actual: found.find((difference) => difference.includes(` ${name} `)) ?? same.expected,
  }));
}

function logsOf(cell: Cell): { readonly where: string; readonly text: string }[] {
  const folder = join(cell.folder, 'logs');
  return readdirSync(folder).map((file) => ({ where: file, text: readFileSync(join(folder, file), 'utf8') }));
}

async function textOfRedis(cell: Cell): Promise<string> {
  const redis = new Redis(cell.redisUrl);
  try {
    const keys = await redis.keys('*');
    const values = await Promise.all(keys.map((key) => redis.dumpBuffer(key)));
    return [...keys, ...values.map((value) => value?.toString('latin1') ?? '')].join('\n');
  } finally {
    redis.disconnect();
  }
}
