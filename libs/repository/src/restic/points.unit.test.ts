import { describe, expect, test } from '@jest/globals';
import assert from 'node:assert/strict';
import { Secret, type DiscoveredPoint, type Discovery } from '@landfall/domain';
import { MemoryFileStore } from '@landfall/testing';
import { HANDMADE_PASSWORD, HandmadeRepository } from '../fixtures/handmade-repository.js';
import { openRepository } from '../open.js';

const bytes = (length: number, fill = 'x') => Buffer.alloc(length, fill);
const json = (value: unknown) => Buffer.from(JSON.stringify(value));

const manifest = (more: object = {}) => ({
  schema: 'landfall.machine/1',
  name: 'db01',
  kind: 'computer',
  level: 'computer',
  os: { family: 'linux', name: 'Debian 12' },
  firmware: 'bios',
  takenAt: '2026-03-04T05:00:00Z',
  disks: [
    { file: 'sda.raw', name: 'sda', role: 'os', lun: 0, sizeBytes: 1_000 },
    { file: 'sdb.raw', role: 'data', lun: 1, sku: 'Premium_LRS', caching: 'ReadOnly' },
  ],
  ...more,
});

function openHandmade(made: HandmadeRepository) {
  const [store, password] = [new MemoryFileStore(made.files), new Secret(HANDMADE_PASSWORD)];
  return openRepository({ kind: 'restic', store, password, threads: 0 });
}

async function discoverHandmade(made: HandmadeRepository): Promise<Discovery> {
  made.writeIndex();
  return (await openHandmade(made)).discover();
}

async function onlyPoint(made: HandmadeRepository): Promise<DiscoveredPoint> {
  const { points, skipped } = await discoverHandmade(made);
  expect(skipped).toStrictEqual([]);
  expect(points.length).toBe(1);
  return points[0]!;
}

const manyTags = (count: number) => Array.from({ length: count }, (_, index) => `landfall-point=p${index}`);
const problems = (point: DiscoveredPoint) => point.problems.map(({ severity, code }) => `${severity} ${code}`);

describe('A snapshot without a tag', () => {
  test('that holds one image is a point named after the image', async () => {
    const made = new HandmadeRepository();
    const id = made.backUp({ 'web01.raw': bytes(1_000) }, { hostname: 'backup-server', paths: ['/srv/web01.raw'] });
    const point = await onlyPoint(made);
    expect({ ...point, takenAt: point.takenAt.toISOString() }).toStrictEqual({
      reference: id,
      machineKey: 'host:backup-server:/srv/web01.raw',
      machineName: 'web01',
      aliases: ['backup-server'],
      takenAt: '2026-03-04T04:06:07.123Z',
      kind: 'image',
      level: 'computer',
      disks: [
        {
          ...{ name: 'web01', location: made.locationOf(id, 'web01.raw'), sizeBytes: 1_000 },
          origin: { host: 'backup-server', path: '/srv/web01.raw', tags: [], takenAt: '2026-03-04T04:06:07.123Z' },
        },
      ],
      hasManifest: false,
      problems: [],
    });
  });

  test('that holds several images is a point named after its host, disks in natural order', async () => {
    const made = new HandmadeRepository();
    made.backUp({ 'disk10.img': bytes(10), 'notes.txt': bytes(5), 'disk2.IMG': bytes(2), 'disk1.raw': bytes(1) });
    const point = await onlyPoint(made);
    expect(point.machineName).toBe('host1');
    expect(point.disks.map(({ name, sizeBytes }) => [name, sizeBytes])).toStrictEqual([
      ['disk1', 1],
      ['disk2', 2],
      ['disk10', 10],
    ]);
  });

  test('is searched in its folders; images of the same name get names that differ', async () => {
    const made = new HandmadeRepository();
    const inner = (fill: string) =>
      made.addTree([{ name: 'disk.raw', type: 'file', size: 3, content: [made.addBlob('data', bytes(3, fill))] }]);
    const tree = made.addTree([
      { name: 'a', type: 'dir', subtree: inner('a'), content: null },
      { name: 'b', type: 'dir', subtree: inner('b') },
      { name: 'null', type: 'chardev' },
      { name: 'link.raw', type: 'symlink', linktarget: '/etc/passwd' },
    ]);
    made.writePack();
    const id = made.writeSnapshot({ time: '2026-01-01T00:00:00Z', tree, paths: ['/vm'], hostname: 'h' });
    const point = await onlyPoint(made);
    expect(point.disks.map(({ name, location, origin }) => [name, location, origin?.path])).toStrictEqual([
      ['disk', made.locationOf(id, 'a/disk.raw'), '/a/disk.raw'],
      ['disk-2', made.locationOf(id, 'b/disk.raw'), '/b/disk.raw'],
    ]);
    const repository = await openHandmade(made);
    const second = await repository.openDisk(point.disks[1]!.location);
    expect((await second.read(0, 3)).toString()).toBe('bbb');
  });

  test('from standard input is an image whatever its name', async () => {
    const made = new HandmadeRepository();
    made.backUp({ 'db01.vda': bytes(700) });
    const point = await onlyPoint(made);
    expect([point.machineName, point.disks[0]!.sizeBytes, point.level]).toStrictEqual(['db01.vda', 700, 'computer']);
  });

  test('from standard input under a path is an image as well, and a file that lay there is none', async () => {
    const made = new HandmadeRepository();
    const under = (file: object) => {
      const inner = made.addTree([
        { name: 'web', type: 'file', size: 3, content: [made.addBlob('data', bytes(3))], ...file },
      ]);
      return made.addTree([{ name: 'vg0', type: 'dir', subtree: inner }]);
    };
    const piped = under({});
    const lay = under({ inode: 2_170_931 });
    made.writePack();
    for (const [hostname, tree] of [
      ['piped', piped],
      ['lay', lay],
    ]) {
      made.writeSnapshot({ time: '2026-01-01T00:00:00Z', tree, paths: ['/vg0/web'], hostname });
    }
    const { points } = await discoverHandmade(made);
    expect(points.map(({ aliases, level, disks }) => [aliases[0], level, disks[0]?.origin?.path]).sort()).toStrictEqual(
      [
        ['lay', 'file', undefined],
        ['piped', 'computer', '/vg0/web'],
      ],
    );
  });

  test('of other files is a point of level file with no disks', async () => {
    const made = new HandmadeRepository();
    made.backUp({ 'a.txt': bytes(1), 'b.txt': bytes(2) });
    made.backUp({ 'c.txt': bytes(3) }, { paths: ['/home/me/c.txt'], time: '2026-03-05T00:00:00Z' });
    const { points } = await discoverHandmade(made);
    expect(points.map(({ level, disks, machineName }) => [level, disks.length, machineName])).toStrictEqual([
      ['file', 0, 'host1'],
      ['file', 0, 'host1'],
    ]);
  });

  test('lists an image of no bytes as one', async () => {
    const made = new HandmadeRepository();
    made.backUp({ 'empty.raw': Buffer.alloc(0) });
    expect((await onlyPoint(made)).disks[0]!.sizeBytes).toBe(0);
  });

  test('has its names cleaned of what could steer a terminal, and is opened by the true ones', async () => {
    const made = new HandmadeRepository();
    made.backUp({ '\\x1b[2Jdisk\\xff.raw': bytes(9) }, { hostname: 'evil\u001b[31m' });
    const point = await onlyPoint(made);
    expect(point.machineName).toBe('�[2Jdisk�');
    expect(point.aliases).toStrictEqual(['evil�[31m']);
    const repository = await openHandmade(made);
    expect((await repository.openDisk(point.disks[0]!.location)).sizeBytes).toBe(9);
  });
});

describe('Machines whose images are all called the same', () => {
  test('are named by host and path, and found by what they share as well', async () => {
    const made = new HandmadeRepository();
    for (const [hostname, path] of [
      ['hv1', '/vm/disk.raw'],
      ['hv2', '/vm/disk.raw'],
      ['hv3', '/guests/db/disk.raw'],
      ['hv3', '/guests/web/disk.raw'],
    ] as const) {
      made.backUp({ 'disk.raw': bytes(5) }, { hostname, paths: [path] });
      made.backUp({ 'disk.raw': bytes(6) }, { hostname, paths: [path], time: '2026-03-05T00:00:00Z' });
    }
    made.backUp({ 'other.raw': bytes(5) }, { hostname: 'hv1', paths: ['/vm/other.raw'] });
    const { points } = await discoverHandmade(made);
    expect([...new Set(points.map(({ machineName }) => machineName))].sort()).toStrictEqual([
      'hv1:/vm/disk.raw',
      'hv2:/vm/disk.raw',
      'hv3:/guests/db/disk.raw',
      'hv3:/guests/web/disk.raw',
      'other',
    ]);
    expect(points.filter(({ aliases }) => aliases.includes('disk')).length).toBe(8);
  });

  test('or look the same, written in another way', async () => {
    const made = new HandmadeRepository();
    for (const name of ['caf\u00e9', 'cafe\u0301']) {
      made.backUp({ [`${name}.raw`]: bytes(5) }, { hostname: 'hv', paths: [`/vm/${name}.raw`] });
    }
    const { points } = await discoverHandmade(made);
    expect(points.map(({ machineName }) => machineName.slice(0, 7))).toStrictEqual(['hv:/vm/', 'hv:/vm/']);
  });

  test('are named by host and folder where they have several', async () => {
    const made = new HandmadeRepository();
    for (const folder of ['web', 'db']) {
      const files = { 'os.raw': bytes(5), 'data.raw': bytes(6) };
      made.backUp(files, { hostname: 'hv', paths: [`/guests/${folder}/os.raw`, `/guests/${folder}/data.raw`] });
    }
    const { points } = await discoverHandmade(made);
    expect(points.map(({ machineName }) => machineName).sort()).toStrictEqual(['hv:/guests/db', 'hv:/guests/web']);
  });
});

describe('A machine.json beside images', () => {
  test('describes the point', async () => {
    const made = new HandmadeRepository();
    const azure = { vmId: '1234', id: '/subscriptions/s', tags: { a: 'b' } };
    const origin = { host: 'host1', tags: [], takenAt: '2026-03-04T04:06:07.123Z' };
    const id = made.backUp({
      'machine.json': json(manifest({ kind: 'image', azure })),
      'sda.raw': bytes(1_000),
      'sdb.raw': bytes(20),
    });
    const point = await onlyPoint(made);
    expect({ ...point, takenAt: point.takenAt.toISOString() }).toStrictEqual({
      reference: id,
      machineKey: 'vm:1234',
      machineName: 'db01',
      aliases: ['host1'],
      takenAt: '2026-03-04T05:00:00.000Z',
      kind: 'image',
      level: 'computer',
      os: { family: 'linux', name: 'Debian 12' },
      firmware: 'bios',
      disks: [
        {
          ...{ name: 'sda', location: made.locationOf(id, 'sda.raw'), sizeBytes: 1_000, role: 'os', lun: 0 },
          origin: { ...origin, path: '/sda.raw' },
        },
        {
          name: 'sdb',
          location: made.locationOf(id, 'sdb.raw'),
          sizeBytes: 20,
          role: 'data',
          lun: 1,
          sku: 'Premium_LRS',
          caching: 'ReadOnly',
          origin: { ...origin, path: '/sdb.raw' },
        },
      ],
      azure,
      hasManifest: true,
      problems: [],
    });
  });

  test('may name images that are not called so', async () => {
    const made = new HandmadeRepository();
    made.backUp({ 'machine.json': json(manifest({ disks: [{ file: 'disk0' }] })), disk0: bytes(11) });
    expect((await onlyPoint(made)).disks.map(({ name, sizeBytes }) => [name, sizeBytes])).toStrictEqual([
      ['disk0', 11],
    ]);
  });

  test('is contradicted by what is really there', async () => {
    const made = new HandmadeRepository();
    made.backUp({ 'machine.json': json(manifest()), 'sda.raw': bytes(999) });
    const point = await onlyPoint(made);
    expect(problems(point)).toStrictEqual(['error CONTRADICTION', 'error CHAIN_BROKEN']);
    expect(point.disks[0]!.sizeBytes).toBe(999);
  });

  test("that can't be used leaves a point that is listed, with the reason", async () => {
    for (const [wrong, why] of [
      [Buffer.from('{'), /not JSON/],
      [json(manifest({ schema: 'other/1' })), /schema/],
      [bytes(1024 * 1024 + 1, ' '), /bytes/],
    ] as const) {
      const made = new HandmadeRepository();
      made.backUp({ 'machine.json': wrong, 'sda.raw': bytes(1_000) });
      const point = await onlyPoint(made);
      expect(problems(point)).toStrictEqual(['error POINT_UNSUPPORTED']);
      expect(point.problems[0]!.message).toMatch(why);
      expect([point.hasManifest, point.machineName, point.disks.length]).toStrictEqual([true, 'host1', 1]);
    }
  });
});

describe('Snapshots with the same landfall-point tag', () => {
  const tags = { tags: ['landfall-point=p1', 'nightly'], hostname: 'db01' };

  test('are one point, described by its machine.json', async () => {
    const made = new HandmadeRepository();
    const first = made.backUp({ 'sda.raw': bytes(1_000) }, tags);
    const second = made.backUp({ 'sdb.raw': bytes(20) }, tags);
    made.backUp({ 'machine.json': json(manifest()) }, tags);
    const point = await onlyPoint(made);
    expect([point.reference, point.machineKey, point.machineName, point.aliases]).toStrictEqual([
      'p1',
      'machine:db01',
      'db01',
      [],
    ]);
    expect(point.disks.map((disk) => disk.location)).toStrictEqual([
      made.locationOf(first, 'sda.raw'),
      made.locationOf(second, 'sdb.raw'),
    ]);
  });

  test('do not take the manifest itself for a disk, whatever it says', async () => {
    const made = new HandmadeRepository();
    made.backUp({ 'machine.json': json(manifest({ disks: [{ file: 'machine.json' }] })) }, tags);
    const point = await onlyPoint(made);
    expect([point.disks, problems(point)]).toStrictEqual([[], ['error CHAIN_BROKEN']]);
  });

  test('are no point without the manifest, and reported', async () => {
    const made = new HandmadeRepository();
    made.backUp({ 'sda.raw': bytes(1_000) }, tags);
    const { points, skipped } = await discoverHandmade(made);
    expect(points).toStrictEqual([]);
    expect(skipped).toStrictEqual([{ reference: 'p1', why: 'its manifest is missing: the capture did not finish' }]);
  });

  test('take the files that the manifest names, and none that another run has left', async () => {
    const made = new HandmadeRepository();
    const whole = made.backUp({ 'os-1.raw': bytes(1_000) }, { ...tags, time: '2026-05-01T00:00:00Z' });
    made.backUp({ 'os-2.raw': bytes(10) }, { ...tags, time: '2026-06-01T00:00:00Z' });
    made.backUp({ 'machine.json': json(manifest({ disks: [{ file: 'os-1.raw', name: 'os' }] })) }, tags);
    const point = await onlyPoint(made);
    expect(point.disks.map(({ name, location }) => [name, location])).toStrictEqual([
      ['os', made.locationOf(whole, 'os-1.raw')],
    ]);
  });

  test('warn of what lies on several disks that are not of one moment', async () => {
    const made = new HandmadeRepository();
    made.backUp({ 'sda.raw': bytes(1_000) }, tags);
    const notOneState = ['the volume group "data" (os, lun1)'];
    made.backUp({ 'machine.json': json(manifest({ disks: [{ file: 'sda.raw' }], notOneState })) }, tags);
    const point = await onlyPoint(made);
    expect(problems(point)).toStrictEqual(['warning NOT_ONE_STATE']);
    expect(point.problems[0]?.message).toContain('the volume group "data" (os, lun1)');
    expect(point.problems[0]?.fix).toContain('--stop');
  });

  test("hand on the model of a VM without what may be its owner's secrets", async () => {
    const made = new HandmadeRepository();
    made.backUp({ 'sda.raw': bytes(1_000) }, tags);
    const azure = {
      vmId: 'number-1',
      vm: { id: '/vms/web', properties: { userData: 'canary', hardwareProfile: { vmSize: 'S' } } },
      extensions: [{ name: 'script', properties: { type: 'CustomScript', settings: { command: 'canary' } } }],
      nics: [{ id: '/nics/web' }],
    };
    made.backUp({ 'machine.json': json(manifest({ disks: [{ file: 'sda.raw' }], azure })) }, tags);
    expect((await onlyPoint(made)).azure).toStrictEqual({
      vmId: 'number-1',
      nics: [{ id: '/nics/web' }],
      vm: { id: '/vms/web', properties: { hardwareProfile: { vmSize: 'S' } } },
      extensions: [{ name: 'script', properties: { type: 'CustomScript' } }],
    });
  });

  test('give the newest of two files with the same name', async () => {
    const made = new HandmadeRepository();
    made.backUp({ 'sda.raw': bytes(1_000, 'new') }, { ...tags, time: '2026-06-01T00:00:00Z' });
    const older = made.backUp({ 'sda.raw': bytes(1_000, 'old') }, { ...tags, time: '2026-05-01T00:00:00Z' });
    made.backUp({ 'machine.json': json(manifest({ disks: [{ file: 'sda.raw' }] })) }, tags);
    const point = await onlyPoint(made);
    expect(point.disks[0]!.location.startsWith(older)).toBe(false);
  });
});

describe('Discovery', () => {
  test('lists points oldest first', async () => {
    const made = new HandmadeRepository();
    for (const month of ['05', '01', '03'])
      made.backUp({ [`m${month}.raw`]: bytes(1) }, { time: `2026-${month}-01T00:00:00Z` });
    const { points } = await discoverHandmade(made);
    expect(points.map((point) => point.machineName)).toStrictEqual(['m01', 'm03', 'm05']);
  });

  test("passes over what can't be read, says why, and hides nothing else", async () => {
    const made = new HandmadeRepository();
    made.backUp({ 'good.raw': bytes(1) });
    const flipped = made.backUp({ 'flipped.raw': bytes(2) });
    made.files[`snapshots/${flipped}`]![30]! ^= 1;
    const nonsense = made.writeSnapshot({ time: 'never', tree: 'ab'.repeat(32) });
    const treeless = made.writeSnapshot({
      time: '2026-01-01T00:00:00Z',
      tree: 'ab'.repeat(32),
      paths: [],
      hostname: 'h',
    });
    const { points, skipped } = await discoverHandmade(made);
    expect(points.map((point) => point.machineName)).toStrictEqual(['good']);
    const reasons = Object.fromEntries(skipped.map(({ reference, why }) => [reference, why]));
    expect(reasons[flipped]!).toMatch(/SHA-256/);
    expect(reasons[nonsense]!).toMatch(/time/);
    expect(reasons[treeless]!).toMatch(/index does not know/);
  });

  test('names thousands of disks that are called the same, and stops at its bounds', async () => {
    const made = new HandmadeRepository();
    const nodes = Array.from({ length: 50_000 }, () => ({ name: 'a.raw', type: 'file' }));
    const tree = made.addTree(nodes);
    made.writePack();
    made.writeSnapshot({ time: '2026-01-01T00:00:00Z', tree, paths: [], hostname: 'h' });
    const point = await onlyPoint(made);
    expect(new Set(point.disks.map((disk) => disk.name)).size).toBe(1_000);
    expect(problems(point)).toStrictEqual(['warning NOT_RESTORED']);
  });

  test('does not search one snapshot for each of thousands of points that it claims to belong to', async () => {
    const made = new HandmadeRepository();
    made.backUp({ 'machine.json': json(manifest({ disks: [] })) }, { tags: manyTags(5_000) });
    const { points } = await discoverHandmade(made);
    assert.ok(points.length > 0 && points.length < 50, `${points.length} points`);
  });

  test('names the first place at which a snapshot is not what it should be, however long it is', async () => {
    const made = new HandmadeRepository();
    made.writeSnapshot({ time: '2026-01-01T00:00:00Z', tree: 'ab'.repeat(32), paths: new Array(100_000).fill(0) });
    const { skipped } = await discoverHandmade(made);
    expect(skipped[0]!.why).toMatch(/: at byte \d+, a string was expected\.$/);
  });

  test('passes over what it does not read of a snapshot, but not however deep it is nested', async () => {
    const made = new HandmadeRepository();
    const more = { excludes: ['*.tmp'], summary: { files: 1, nested: [[[]]] }, program_version: 'restic 0.17.3' };
    made.backUp({ 'a.raw': bytes(1) }, more);
    const deep = JSON.parse(`${'['.repeat(1_000)}${']'.repeat(1_000)}`) as unknown[];
    made.writeSnapshot({ time: '2026-01-01T00:00:00Z', tree: 'ab'.repeat(32), more: deep });
    const { points, skipped } = await discoverHandmade(made);
    expect(points.length).toBe(1);
    expect(skipped[0]!.why).toMatch(/less nesting/);
  });

  test('refuses a tree with a name that no file can have', async () => {
    const made = new HandmadeRepository();
    const tree = made.addTree([{ name: '\\u0041'.repeat(1_000_000), type: 'file' }]);
    made.writePack();
    made.writeSnapshot({ time: '2026-01-01T00:00:00Z', tree, paths: [], hostname: 'h' });
    const { skipped } = await discoverHandmade(made);
    expect(skipped[0]!.why).toMatch(/a name is longer than any file has/);
  });

  test('of an empty repository finds nothing', async () => {
    expect(await discoverHandmade(new HandmadeRepository())).toStrictEqual({ points: [], skipped: [] });
  });
});
