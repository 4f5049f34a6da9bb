import { randomUUID } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Restore } from '@landfall/domain';
import type { Cell } from '../live/cell.js';
import { examineEnd } from '../live/examine.js';
import { copyRepository, upload, type Format } from '../live/repositories.js';
import { atRest, order } from '../live/restores.js';
import { cleaned, PATIENCE_MS, type Outcome, type Trial } from '../live/trial.js';
import type { BadAnswers } from '../proxy/blob-proxy.js';
import { DAMAGES, type Damage } from './damage.js';
import { stopAtBegin, stoppedOrOver } from './steps.js';

/*
 * F7: a damaged repository, in each format, and a store that is slow, breaks off or refuses. A restore is completed with all
 * its bytes, or ends with a code that names the damage and leaves nothing.
 *
 * Only a store over the network is ever slow or answers 403. A folder could merely be forbidden, and that binds no service
 * that runs as root.
 */
const FORMATS: readonly Format[] = ['restic v1', 'restic v2'];

interface Weather {
  readonly title: string;
  readonly bad: BadAnswers;
  /** Of everything, not of packs alone: shows when the repository is added. */
  readonly everything?: boolean;
  /** None: it passes, and the restore is completed. */
  readonly codes?: readonly string[];
}

const DENIED = { kind: 'status', status: 403, code: 'AuthorizationFailure' } as const;
const WEATHER: readonly Weather[] = [
  { title: 'every pack 1.5 s late', bad: { how: { kind: 'late', ms: 1_500 } } },
  { title: 'answers that break off, six times', bad: { how: { kind: 'cut' }, times: 6 } },
  { title: '503 twelve times', bad: { how: { kind: 'status', status: 503, code: 'ServerBusy' }, times: 12 } },
  { title: '403 three times', bad: { how: DENIED, times: 3 } },
  { title: '403 for good once it was added', bad: { how: DENIED }, codes: ['STORE_DENIED'] },
  { title: '403 for good from the first', bad: { how: DENIED }, everything: true, codes: ['STORE_DENIED'] },
];

/** Since when the damage is there. What lies in packs is read in part by the plan already, and all of it in step 5. */
type Since = 'from the first' | 'once it was added' | 'when its data are about to be read';

export function repositoryTrials(): readonly Trial[] {
  const moments = ({ showsAtOnce }: Damage): readonly Since[] =>
    showsAtOnce ? ['from the first', 'once it was added'] : ['once it was added', 'when its data are about to be read'];
  const damaged = FORMATS.flatMap((format) =>
    DAMAGES.flatMap((damage) => moments(damage).map((since) => damagedTrial(format, damage, since))),
  );
  return [...damaged, ...WEATHER.map(weatherTrial)];
}

function damagedTrial(format: Format, damage: Damage, since: Since): Trial {
  return {
    fault: 'F7',
    name: `${format} in a folder: ${damage.title}, ${since}`,
    async run(cell) {
      const name = `damaged-${randomUUID().slice(0, 8)}`;
      const folder = join(cell.folder, 'repositories', name);
      await mkdir(join(cell.folder, 'repositories'), { recursive: true });
      const repository = await copyRepository(cell.ground, format, folder);
      try {
        let isDamaged = false;
        const act = async (): Promise<void> => {
          await damage.act(repository);
          isDamaged = true;
        };
        if (since === 'from the first') await act();
        return await restoreFrom(cell, name, folder, {
          codes: damage.codes,
          mayComplete: damage.mayComplete ?? false,
          async added() {
            if (since === 'once it was added') await act();
            if (since === 'when its data are about to be read') stopAtBegin(cell, 'restore-data');
          },
          async running(restoreId) {
            if (since !== 'when its data are about to be read') return;
            const stopped = await stoppedOrOver(cell, restoreId);
            if (stopped !== null) await act().finally(() => stopped.goOn());
          },
          reached: () => isDamaged,
        });
      } finally {
        cell.disarm();
        await rm(folder, { recursive: true, force: true });
      }
    },
  };
}

function weatherTrial({ title, bad, everything = false, codes }: Weather): Trial {
  return {
    fault: 'F7',
    name: `restic v2 in a container: ${title}`,
    async run(cell) {
      const name = `container-${randomUUID().slice(0, 8)}`;
      const folder = join(cell.folder, 'repositories', name);
      await mkdir(join(cell.folder, 'repositories'), { recursive: true });
      const repository = await copyRepository(cell.ground, 'restic v2', folder);
      const url = await upload(cell.ground, repository, name);
      const { blobProxy } = cell.ground;
      const where = everything ? name : `${name}/data/`;
      try {
        if (everything) blobProxy.answerBadly(where, bad);
        return await restoreFrom(cell, name, url, {
          codes: codes ?? [],
          mayComplete: codes === undefined,
          added: () => {
            if (!everything) blobProxy.answerBadly(where, bad);
          },
          reached: () => blobProxy.given(where) > 0,
        });
      } finally {
        blobProxy.answerWell(where);
        await rm(folder, { recursive: true, force: true });
      }
    },
  };
}

interface Expected {
  /** By which it may end; empty: it has to be completed. */
  readonly codes: readonly string[];
  readonly mayComplete: boolean;
  added(): Promise<void> | void;
  running?(restoreId: string): Promise<void>;
  reached(): boolean;
}

/** Adds the repository, restores its point, and takes both away again. */
async function restoreFrom(cell: Cell, name: string, url: string, expected: Expected): Promise<Outcome> {
  const violations: string[] = [];
  const check = (code: string | null, what: string): void => {
    if (code === null || !expected.codes.includes(code)) {
      violations.push(`damage: ${what} by ${code ?? 'no code'}, not ${expected.codes.join(' or ')}`);
    }
  };
  const added = await add(cell, name, url);
  if (typeof added === 'string') {
    check(/"code":"(\w+)"/.exec(added)?.[1] ?? null, 'the repository was refused');
    return { reached: expected.reached(), recoveryMs: null, violations };
  }
  try {
    const point = (await cell.books.catalogue.points()).find((each) => each.repositoryName === name);
    if (point === undefined) {
      const told = added.skipped.length > 0;
      if (expected.codes.length === 0) violations.push('damage: the point of a whole repository is not offered');
      if (!told) violations.push('damage: a point is not offered, and whoever added the repository is not told why');
      return { reached: expected.reached(), recoveryMs: null, violations };
    }
    await expected.added();
    const at = performance.now();
    const id = await order(cell, { pointId: point.id });
    await expected.running?.(id);
    const restore = await atRest(cell, id, PATIENCE_MS);
    const recoveryMs = performance.now() - at;
    cell.note(`restore ${id} from ${name} is ${restore.state}: ${codeOf(restore) ?? 'no code'}`);
    const ends: Restore['state'][] = expected.mayComplete ? ['completed'] : [];
    if (expected.codes.length > 0) ends.push('failed', 'refused', 'needs-attention');
    violations.push(...(await examineEnd(cell, restore, ends)));
    if (restore.state !== 'completed' && expected.codes.length > 0) check(codeOf(restore), `it is ${restore.state}`);
    if (restore.state === 'failed' || restore.state === 'refused') violations.push(...(await leftOf(cell, restore)));
    violations.push(...(await cleaned(cell, restore)));
    return { reached: expected.reached(), recoveryMs, violations };
  } finally {
    await cell.books.catalogue.removeRepository(name).catch(() => undefined);
  }
}

/** What was passed over in it, and why; a text: the refusal. */
async function add(cell: Cell, name: string, url: string): Promise<{ readonly skipped: readonly unknown[] } | string> {
  const body = { name, kind: 'restic', url, password: cell.ground.sample.password };
  return cell.post<{ skipped: readonly unknown[] }>('/v1/repositories', body).catch(String);
}

function codeOf({ error, problems }: Restore): string | null {
  return error?.code ?? problems.find(({ severity }) => severity === 'error')?.code ?? null;
}

async function leftOf(cell: Cell, restore: Restore): Promise<readonly string[]> {
  const left = await cell.azure.resourcesOf(restore.id);
  return left.map(({ id }) => `I4: ${id} is left of a restore that is ${restore.state}`);
}
