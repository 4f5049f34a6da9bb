import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Restore } from '@landfall/domain';
import type { Cell } from './cell.js';
import { differences } from './compare-disks.js';

/*
 * Looks at a cell after a run, from outside: the emulator's inventory, the ledger, the events, the disks' bytes, the logs.
 * Each sentence it returns names the invariant that is broken.
 */
export async function examineEnd(cell: Cell, restore: Restore, wanted: readonly Restore['state'][]): Promise<string[]> {
  const broken: string[] = [];
  if (!wanted.includes(restore.state)) {
    const running = restore.steps.find((step) => step.state === 'running' || step.state === 'failed');
    broken.push(
      `I6: restore ${restore.id} is ${restore.state} and not ${wanted.join(' or ')}` +
        ` (step ${running?.id ?? '-'}, ${restore.error?.code ?? 'no error'}: ${restore.error?.message ?? ''})`,
    );
  }
  if (restore.state === 'completed') {
    for (const difference of await differences(cell, restore)) broken.push(`I1: ${difference}`);
  }
  broken.push(...(await inventory(cell, restore)), ...(await segments(cell, restore)), ...(await books(cell, restore)));
  return broken;
}

/** Once for a cell, at its end. */
export async function examineCell(cell: Cell): Promise<string[]> {
  const broken: string[] = [];
  const left = new Set((await cell.azure.resources()).map((resource) => resource.id.toLowerCase()));
  for (const id of cell.seeded) if (!left.has(id)) broken.push(`I8: ${id}, which is somebody else's, is gone`);
  const { brokenAt } = await cell.books.audit.verify();
  if (brokenAt !== null) broken.push(`I5: the audit chain is broken at entry ${brokenAt}`);
  const secrets = [cell.ground.sample.password, cell.installation.secretKey];
  for (const file of readdirSync(join(cell.folder, 'logs'))) {
    const text = readFileSync(join(cell.folder, 'logs', file), 'utf8');
    if (secrets.some((secret) => text.includes(secret))) broken.push(`I9: a secret is in ${file}`);
  }
  return broken;
}

/** Azure holds what the ledger says was created and not removed, and nothing else of this restore. */
async function inventory(cell: Cell, restore: Restore): Promise<string[]> {
  const present = new Set((await cell.azure.resourcesOf(restore.id)).map((resource) => resource.id.toLowerCase()));
  const ledger = await cell.books.books.ledger(restore.id);
  const expected = new Set(
    ledger.filter((entry) => entry.state === 'created').map((entry) => entry.azureId.toLowerCase()),
  );
  const broken: string[] = [];
  for (const id of present) if (!expected.has(id)) broken.push(`I4: ${id} exists, and is not in the ledger as created`);
  for (const id of expected) if (!present.has(id)) broken.push(`I4: ${id} is missing`);
  for (const entry of ledger) if (entry.state === 'intended') broken.push(`I4: ${entry.azureId} is still intended`);
  if (restore.state === 'completed' && expected.size === 0) broken.push('I4: a completed restore has made nothing');
  return broken;
}

/** A segment is finished once, and nothing is written once reading back has begun. */
async function segments(cell: Cell, restore: Restore): Promise<string[]> {
  const events = await cell.books.books.events(restore.id);
  const finished = new Set<string>();
  const broken: string[] = [];
  let verifying = false;
  for (const event of events) {
    if (event.type === 'restore-data.verifying') verifying = true;
    if (event.type !== 'segment.done') continue;
    const id = String(event.data['segmentId']);
    if (finished.has(id)) broken.push(`I7: segment ${id} was finished twice`);
    finished.add(id);
    if (verifying && event.data['purpose'] === 'move') broken.push(`I7: ${id} was written after verification began`);
  }
  return broken;
}

async function books(cell: Cell, restore: Restore): Promise<string[]> {
  const events = await cell.books.books.events(restore.id);
  const broken: string[] = [];
  events.forEach((event, index) => {
    if (event.sequence !== index + 1) broken.push(`I5: event ${index + 1} of the history has number ${event.sequence}`);
  });
  const ends = events.filter((event) => event.type === `restore.${restore.state}`);
  if (restore.state === 'completed' && ends.length !== 1) broken.push(`I5: it was completed ${ends.length} times`);
  if (restore.state === 'completed' && restore.steps.some((step) => !['done', 'skipped'].includes(step.state))) {
    broken.push('I5: it is completed with a step that is not');
  }
  return broken;
}
