import { createHash } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import {
  restorePointId,
  type BlobListPart,
  type Catalogue,
  type PointSurvey,
  type PointSurveys,
} from '@landfall/domain';
import { aPointDisk, aRestorePoint } from '@landfall/domain/builders';

export interface PointSurveysUnderTest {
  readonly surveys: PointSurveys;
  /** Whose points are surveyed. */
  readonly catalogue: Catalogue;
  /** Makes all that is kept so much older. */
  pass(milliseconds: number): Promise<void>;
  dispose(): Promise<void>;
}

const HOUR_MS = 60 * 60_000;

/** Registers the tests that every record of surveys has to pass; `name` heads them. */
export function pointSurveysContract(name: string, make: () => Promise<PointSurveysUnderTest>): void {
  const withSurveys = async (use: (made: PointSurveysUnderTest) => Promise<void>): Promise<void> => {
    const made = await make();
    try {
      for (const repository of ['backups', 'others']) {
        await made.catalogue.addRepository({
          ...{ name: repository, kind: 'restic', url: '/srv', hostedByProvider: false, sealedPassword: null },
        });
      }
      await use(made);
    } finally {
      await made.dispose();
    }
  };

  describe(`${name} as PointSurveys`, () => {
    test('lends the newest point that nobody has surveyed, each to one at a time', () =>
      withSurveys(async ({ surveys, catalogue, pass }) => {
        await scanned(catalogue, 'backups', [aPoint('old', 1), aPoint('new', 3), aPoint('files', 4, [])]);
        await scanned(catalogue, 'others', [aPoint('between', 2)]);
        expect(await surveys.waiting('backups')).toBe(2);
        const lent = await Promise.all(Array.from({ length: 6 }, () => surveys.lend(60)));
        const again = [await surveys.lend(60), await surveys.lend(60), await surveys.lend(60)];
        const references = [...lent, ...again].flatMap((point) => point?.reference ?? []);
        expect(references[0]).toBe('new');
        expect(references.toSorted()).toStrictEqual(['between', 'new', 'old']);
        await pass(61_000);
        expect((await surveys.lend(60, 'others'))?.reference).toBe('between');
        expect(await surveys.lend(60, 'others')).toBe(null);
        expect(await surveys.waiting('backups')).toBe(2);
      }));

    test('gives a survey back as it was kept, and lends its point no more', () =>
      withSurveys(async ({ surveys, catalogue, pass }) => {
        await scanned(catalogue, 'backups', [aPoint('one', 1)]);
        const id = (await surveys.lend(60))!.id;
        expect([await surveys.survey(id), await surveys.inspection(id)]).toStrictEqual([null, null]);
        const survey = aSurvey(['snapshot-1/sda.raw', 'snapshot-1/sdb.raw'], ['a', 'b', 'a']);
        await surveys.keep(id, survey);
        expect(await surveys.inspection(id)).toStrictEqual(survey.inspection);
        expect(plain(await surveys.survey(id))).toStrictEqual(plain(survey));
        await pass(HOUR_MS);
        expect(await surveys.lend(60)).toBe(null);
        expect(await surveys.waiting('backups')).toBe(0);
        await scanned(catalogue, 'backups', [aPoint('one', 1)]);
        expect(plain(await surveys.survey(id))).toStrictEqual(plain(survey));
      }));

    test('keeps the same twice at once, and by turns', () =>
      withSurveys(async ({ surveys, catalogue }) => {
        await scanned(catalogue, 'backups', [aPoint('one', 1), aPoint('two', 2)]);
        const ids = ['one', 'two'].map((reference) => restorePointId('backups', reference));
        const survey = aSurvey(['snapshot-1/sda.raw'], ['a', 'b', 'c', 'd']);
        await Promise.all([...ids, ...ids, ...ids].map((id) => surveys.keep(id, survey)));
        for (const id of ids) expect(plain(await surveys.survey(id))).toStrictEqual(plain(survey));
      }));

    test('keeps nothing of a point that is gone, or whose disks lie elsewhere', () =>
      withSurveys(async ({ surveys, catalogue }) => {
        await scanned(catalogue, 'backups', [aPoint('one', 1), aPoint('two', 2)]);
        const [two, one] = [(await surveys.lend(60))!.id, (await surveys.lend(60))!.id];
        await scanned(catalogue, 'backups', [aPoint('two', 2, [aPointDisk({ location: 'elsewhere' })])]);
        for (const id of [one, two]) {
          await surveys.keep(id, aSurvey(['snapshot-1/sda.raw'], ['a']));
          expect(await surveys.survey(id)).toBe(null);
        }
      }));

    test('forgets the survey of a point that goes, or whose disks a scan finds elsewhere', () =>
      withSurveys(async ({ surveys, catalogue }) => {
        await scanned(catalogue, 'backups', [aPoint('one', 1), aPoint('two', 2)]);
        const ids = ['one', 'two'].map((reference) => restorePointId('backups', reference));
        for (const id of ids) await surveys.keep(id, aSurvey(['snapshot-1/sda.raw'], ['a']));
        await scanned(catalogue, 'backups', [aPoint('two', 2, [aPointDisk({ location: 'elsewhere' })])]);
        for (const id of ids) expect(await surveys.survey(id)).toBe(null);
        expect((await surveys.lend(60))?.reference).toBe('two');
      }));

    test('lends what was refused again after another scan only', () =>
      withSurveys(async ({ surveys, catalogue, pass }) => {
        await scanned(catalogue, 'backups', [aPoint('one', 1)]);
        const { id } = (await surveys.lend(60))!;
        await surveys.refuse(id, { code: 'BLOB_CORRUPT', message: 'm', fix: 'f' });
        await pass(HOUR_MS);
        expect(await surveys.lend(60)).toBe(null);
        expect(await surveys.waiting('backups')).toBe(0);
        await scanned(catalogue, 'backups', [aPoint('one', 1)]);
        expect((await surveys.lend(60))?.id).toBe(id);
      }));

    test('does not give up a survey for a refusal that comes late', () =>
      withSurveys(async ({ surveys, catalogue }) => {
        await scanned(catalogue, 'backups', [aPoint('one', 1)]);
        const { id } = (await surveys.lend(60))!;
        await surveys.keep(id, aSurvey(['snapshot-1/sda.raw'], ['a']));
        await surveys.refuse(id, { code: 'BLOB_CORRUPT', message: 'm', fix: 'f' });
        expect(await surveys.survey(id)).not.toBe(null);
      }));

    test('clears away what no survey needs, a day after it was kept', () =>
      withSurveys(async ({ surveys, catalogue, pass }) => {
        await scanned(catalogue, 'backups', [aPoint('one', 1), aPoint('two', 2)]);
        const [one, two] = ['one', 'two'].map((reference) => restorePointId('backups', reference));
        await surveys.keep(one!, aSurvey(['snapshot-1/sda.raw'], ['a', 'b']));
        await surveys.keep(two!, aSurvey(['snapshot-1/sda.raw'], ['b', 'c', 'd']));
        await scanned(catalogue, 'backups', [aPoint('one', 1)]);
        expect(await surveys.clear()).toBe(0);
        await pass(25 * HOUR_MS);
        // Kept anew: somebody is about to name it.
        await surveys.keep(two!, aSurvey(['snapshot-1/sda.raw'], ['d']));
        expect(await surveys.clear()).toBe(1);
        expect(await surveys.clear()).toBe(0);
        expect(await surveys.survey(one!)).not.toBe(null);
      }));
  });
}

function aPoint(
  reference: string,
  day: number,
  disks = [aPointDisk(), aPointDisk({ location: 'snapshot-1/sdb.raw' })],
) {
  const { id: _id, repositoryName: _name, machineId: _machine, ...discovered } = aRestorePoint();
  return { ...discovered, reference, disks, takenAt: new Date(Date.UTC(2026, 0, day)) };
}

async function scanned(
  catalogue: Catalogue,
  repository: string,
  points: readonly ReturnType<typeof aPoint>[],
): Promise<void> {
  await catalogue.replacePoints(repository, points);
}

function aSurvey(locations: readonly string[], parts: readonly string[]): PointSurvey {
  return {
    inspection: { os: { family: 'linux', name: 'Debian' }, problems: [] },
    disks: locations.map((location, number) => ({
      ...{ name: `disk-${number}`, location },
      blobs: { sizeBytes: 5_000_000_000_000 + number, trees: ['ab', 'cd'], parts: parts.map(aPart) },
    })),
  };
}

function aPart(text: string): BlobListPart {
  const ids = Buffer.alloc(64, text);
  return { hash: createHash('sha256').update(ids).digest('hex'), ids };
}

/** Bytes as text: a Buffer and a Uint8Array of the same bytes are the same here. */
function plain(survey: PointSurvey | null): unknown {
  return {
    ...survey,
    disks: survey?.disks
      .map(({ blobs, ...disk }) => ({
        ...disk,
        sizeBytes: blobs.sizeBytes,
        trees: blobs.trees,
        parts: blobs.parts.map(({ hash, ids }) => [hash, Buffer.from(ids).toString('hex')]),
      }))
      .toSorted((a, b) => (a.name < b.name ? -1 : 1)),
  };
}
