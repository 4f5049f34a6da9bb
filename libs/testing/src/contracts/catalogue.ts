import { describe, expect, test } from '@jest/globals';
import assert from 'node:assert/strict';
import { newRestoreId, type Catalogue, type DiscoveredPoint, type RestoreBooks } from '@landfall/domain';
import { aPointDisk, aRestorePoint, aRestoreRequest } from '@landfall/domain/builders';

export interface CatalogueUnderTest {
  readonly catalogue: Catalogue;
  /** The books whose restores keep a repository from being removed. */
  readonly books: RestoreBooks;
  dispose(): Promise<void>;
}

const REPOSITORY = {
  name: 'backups',
  kind: 'restic',
  url: '/srv/backups',
  hostedByProvider: false,
  sealedPassword: 'v1.sealed',
} as const;

/** Registers the tests that every Catalogue has to pass; `name` heads them. */
export function catalogueContract(name: string, make: () => Promise<CatalogueUnderTest>): void {
  const withCatalogue = async (use: (catalogue: Catalogue, books: RestoreBooks) => Promise<void>) => {
    const made = await make();
    try {
      await use(made.catalogue, made.books);
    } finally {
      await made.dispose();
    }
  };

  describe(`${name} as a Catalogue`, () => {
    test('keeps a repository, and its password apart from what is shown', () =>
      withCatalogue(async (catalogue) => {
        await catalogue.addRepository(REPOSITORY);
        const record = await catalogue.repository('backups');
        expect({ ...record, addedAt: null }).toStrictEqual({
          name: 'backups',
          kind: 'restic',
          url: '/srv/backups',
          hostedByProvider: false,
          addedAt: null,
          scannedAt: null,
          points: 0,
        });
        expect(await catalogue.repositories()).toStrictEqual([record]);
        expect(await catalogue.sealedPassword('backups')).toBe('v1.sealed');
        expect(await catalogue.sealedPassword('unknown')).toBe(null);
        expect(await catalogue.repository('unknown')).toBe(null);
        await expect(catalogue.addRepository(REPOSITORY)).rejects.toMatchObject({ code: 'REPOSITORY_EXISTS' });
      }));

    test('gives a point back as it was found', () =>
      withCatalogue(async (catalogue) => {
        await catalogue.addRepository(REPOSITORY);
        const found = point({
          reference: 'full',
          os: { family: 'linux', name: 'Debian' },
          firmware: 'uefi',
          azure: { vmId: 'x', nics: [{ id: 1 }] },
          problems: [{ severity: 'warning', code: 'DRIVERS_MISSING', message: 'm', fix: 'f' }],
        });
        await catalogue.replacePoints('backups', [found]);
        const [kept] = await catalogue.findPoints('full');
        assert.ok(kept);
        const { id, machineId, repositoryName, ...rest } = kept;
        expect(rest).toStrictEqual(found);
        expect(repositoryName).toBe('backups');
        expect(await catalogue.point(id)).toStrictEqual(kept);
        expect(await catalogue.points([machineId])).toStrictEqual([kept]);
      }));

    test('says after a scan what the scan found: new points come in, vanished ones go, known ones keep their id', () =>
      withCatalogue(async (catalogue) => {
        await catalogue.addRepository(REPOSITORY);
        await catalogue.replacePoints('backups', [
          point({ reference: 'one', takenAt: new Date('2026-01-01T00:00:00Z') }),
          point({ reference: 'two', machineKey: 'db', machineName: 'db' }),
        ]);
        const [one] = await catalogue.findPoints('one');
        const counts = await catalogue.replacePoints('backups', [
          point({ reference: 'one', takenAt: new Date('2026-01-01T00:00:00Z') }),
          point({ reference: 'three', takenAt: new Date('2026-01-03T00:00:00Z'), machineName: 'web-renamed' }),
        ]);
        expect(counts).toStrictEqual({ machines: 1, points: 2 });
        expect((await catalogue.points()).map((found) => found.reference)).toStrictEqual(['three', 'one']);
        expect((await catalogue.findPoints('one'))[0]?.id).toBe(one?.id);
        const machines = await catalogue.machines();
        expect(
          machines.map((machine) => [machine.name, machine.points, machine.latestPointAt?.toISOString()]),
        ).toStrictEqual([['web-renamed', 2, '2026-01-03T00:00:00.000Z']]);
        expect((await catalogue.repository('backups'))?.scannedAt).toBeTruthy();
        await expect(catalogue.replacePoints('unknown', [])).rejects.toMatchObject({ code: 'REPOSITORY_NOT_FOUND' });
      }));

    test('keeps what a later scan has found when an earlier one comes to its end', () =>
      withCatalogue(async (catalogue) => {
        await catalogue.addRepository(REPOSITORY);
        const earlier = await catalogue.beginScan('backups');
        const later = await catalogue.beginScan('backups');
        const references = async () => (await catalogue.points()).map((found) => found.reference);
        await catalogue.replacePoints('backups', [point({ reference: 'new' })], later);
        const old = [point({ reference: 'old' }), point({ reference: 'older' })];
        expect(await catalogue.replacePoints('backups', old, earlier)).toStrictEqual({ machines: 1, points: 1 });
        expect(await references()).toStrictEqual(['new']);
        await catalogue.replacePoints('backups', [point({ reference: 'newer' })], await catalogue.beginScan('backups'));
        expect(await references()).toStrictEqual(['newer']);
        await expect(catalogue.beginScan('unknown')).rejects.toMatchObject({ code: 'REPOSITORY_NOT_FOUND' });
      }));

    test('leaves a point as it is that a restore uses, until that has ended and another scan has come', () =>
      withCatalogue(async (catalogue, books) => {
        await catalogue.addRepository(REPOSITORY);
        const first = [
          point({ reference: 'moved', disks: [aPointDisk({ location: 'snapshot-a' })] }),
          point({ reference: 'gone', machineKey: 'db', machineName: 'db' }),
          point({ reference: 'idle' }),
        ];
        const second = [
          point({ reference: 'moved', machineName: 'renamed', disks: [aPointDisk({ location: 'snapshot-b' })] }),
        ];
        await catalogue.replacePoints('backups', first);
        const before = await catalogue.points();
        const used = before.filter(({ reference }) => reference !== 'idle');
        const restores = await Promise.all(used.map(({ id }) => restoring(books, id)));
        const locations = async () =>
          (await catalogue.points()).map(({ reference, disks }) => [reference, disks[0]?.location]).toSorted();

        expect(await catalogue.replacePoints('backups', second)).toStrictEqual({ machines: 2, points: 2 });
        const kept = [
          ['gone', 'snapshot-1/sda.raw'],
          ['moved', 'snapshot-a'],
        ];
        expect(await locations()).toStrictEqual(kept);
        expect(await catalogue.point(used.find(({ reference }) => reference === 'gone')!.id)).toStrictEqual({
          ...used.find(({ reference }) => reference === 'gone'),
        });
        expect((await catalogue.machines()).some(({ name }) => name === 'db')).toBe(true);

        for (const id of restores) await cancelled(books, id);
        assert.deepEqual(await locations(), kept, 'nothing has scanned since');
        expect(await catalogue.replacePoints('backups', second)).toStrictEqual({ machines: 1, points: 1 });
        expect(await locations()).toStrictEqual([['moved', 'snapshot-b']]);
        expect((await catalogue.machines()).map(({ name }) => name)).toStrictEqual(['renamed']);
      }));

    test('leaves what a scan could not read as it is, until one can', () =>
      withCatalogue(async (catalogue) => {
        await catalogue.addRepository(REPOSITORY);
        const archived = point({ reference: 'archived', machineKey: 'db', machineName: 'db' });
        await catalogue.replacePoints('backups', [archived, point({ reference: 'other' })]);
        const before = await catalogue.findPoints('archived');
        const scan = await catalogue.beginScan('backups');
        const counts = await catalogue.replacePoints('backups', [], scan, ['archived', 'never-seen']);
        expect(counts).toStrictEqual({ machines: 1, points: 1 });
        expect(await catalogue.points()).toStrictEqual(before);
        await catalogue.replacePoints('backups', [{ ...archived, machineName: 'renamed' }], undefined, ['archived']);
        expect((await catalogue.points()).map(({ machineName }) => machineName)).toStrictEqual(['renamed']);
        await catalogue.replacePoints('backups', []);
        expect(await catalogue.points()).toStrictEqual([]);
      }));

    test('finds machines by id, name in any case, and alias', () =>
      withCatalogue(async (catalogue) => {
        await catalogue.addRepository(REPOSITORY);
        await catalogue.replacePoints('backups', [
          point({ reference: '1', machineKey: 'a', machineName: 'Web', aliases: ['host-1'] }),
          point({ reference: '2', machineKey: 'b', machineName: 'db', aliases: ['host-1', 'host-2'] }),
        ]);
        const names = async (text: string) => (await catalogue.findMachines(text)).map((machine) => machine.name);
        expect(await names('WEB')).toStrictEqual(['Web']);
        expect((await names('host-1')).toSorted()).toStrictEqual(['Web', 'db']);
        expect(await names('host')).toStrictEqual([]);
        const [web] = await catalogue.findMachines('web');
        expect(await names(web?.id ?? '')).toStrictEqual(['Web']);
      }));

    test('finds points by id, reference, and a prefix of six characters of either', () =>
      withCatalogue(async (catalogue) => {
        await catalogue.addRepository(REPOSITORY);
        await catalogue.replacePoints('backups', [
          point({ reference: 'abcdef-first' }),
          point({ reference: 'abcdef-second' }),
          point({ reference: 'abc%ef' }),
        ]);
        const count = async (text: string) => (await catalogue.findPoints(text)).length;
        expect(await count('abcdef')).toBe(2);
        expect(await count('abcdef-f')).toBe(1);
        expect(await count('abcde')).toBe(0);
        // Wildcards of the database mean nothing here.
        expect(await count('abc%ef')).toBe(1);
        expect(await count('______')).toBe(0);
        const [first] = await catalogue.findPoints('abcdef-first');
        expect(await count(first?.id.slice(0, 8) ?? '')).toBe(1);
      }));

    test('removes a repository with what was found in it, unless a restore reads from it', () =>
      withCatalogue(async (catalogue, books) => {
        await catalogue.addRepository(REPOSITORY);
        await catalogue.replacePoints('backups', [point({ reference: 'one' })]);
        const [one] = await catalogue.points();
        assert.ok(one);
        const id = await restoring(books, one.id);
        await expect(catalogue.removeRepository('backups')).rejects.toMatchObject({ code: 'REPOSITORY_IN_USE' });

        await cancelled(books, id);
        expect(await catalogue.removeRepository('backups')).toBe(true);
        expect(await catalogue.removeRepository('backups')).toBe(false);
        expect(await catalogue.points()).toStrictEqual([]);
        expect(await catalogue.machines()).toStrictEqual([]);
      }));
  });
}

/** A restore that uses this point and has not ended. */
async function restoring(books: RestoreBooks, restorePointId: string): Promise<string> {
  const id = newRestoreId();
  const request = aRestoreRequest({ restorePointId });
  await books.transaction((tx) => tx.createRestore({ id, request, requestedBy: 'olivia' }));
  return id;
}

async function cancelled(books: RestoreBooks, id: string): Promise<void> {
  await books.transaction(async (tx) => {
    await tx.moveRestore(id, { from: 'planning', epoch: 0 }, 'cancelling');
    await tx.moveRestore(id, { from: 'cancelling', epoch: 1 }, 'cancelled');
  });
}

function point(changes: Partial<DiscoveredPoint>): DiscoveredPoint {
  const { id: _id, repositoryName: _name, machineId: _machine, ...discovered } = aRestorePoint();
  return { ...discovered, ...changes };
}
