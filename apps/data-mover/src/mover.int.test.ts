import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { statSync } from 'node:fs';
import { cp, mkdir, mkdtemp, open, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { imagesOf, patchesOf, patchId, recipeOf, recipeWithin, Secret, wholeImage } from '@landfall/domain';
import { MemoryLeases } from '@landfall/testing';
import { type FailureCode, failureKind } from '@landfall/transfer';
import { type Backup, backUp, damagePack, fileHash } from './site/backup.js';
import { MoverProcess } from './site/mover-process.js';
import { type SiteSegment, TestSite } from './site/test-site.js';

const MIB = 1024 * 1024;
const SEGMENT = 16 * MIB;
/** As long as a data-mover is granted a disk by default, in milliseconds. */
const WHOLE_LEASE_MS = 60_000;

const redisUrl = process.env['LANDFALL_TEST_REDIS_URL'];
if (redisUrl === undefined)
  throw new Error(
    'LANDFALL_TEST_REDIS_URL must name a running Redis; run the tests by "./landfall test int", which starts it.',
  );

describe('the data-mover as a process', () => {
  let root: string;
  let backup: Backup;
  let folder: string;
  let disk: string;
  let site: TestSite;
  let movers: MoverProcess[];

  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'landfall-mover-'));
    backup = await backUp(join(root, 'backup'), 192, true);
  });

  afterAll(() => rm(root, { recursive: true }));

  beforeEach(async () => {
    folder = await mkdtemp(join(root, 'case-'));
    await mkdir(join(folder, 'by-lun'));
    disk = join(folder, 'by-lun', '0');
    await writeFile(disk, '');
    await truncate(disk, backup.sizeBytes);
    const redis = { url: new Secret(redisUrl), prefix: `mover-test-${randomBytes(6).toString('hex')}` };
    site = await TestSite.open(redis, new MemoryLeases());
    site.more = () => movers.map(({ told }) => `\n${told}`).join('');
    movers = [];
  });

  afterEach(async () => {
    await Promise.all(movers.map((mover) => mover.end()));
    await site.close();
  });

  const start = (name = 'worker-0'): MoverProcess => {
    const mover = new MoverProcess({
      ...site.environment(),
      LANDFALL_MOVER_NAME: name,
      LANDFALL_DISK_DIRECTORY: join(folder, 'by-lun'),
      LANDFALL_WORKER_STATE: join(folder, 'state'),
    });
    movers.push(mover);
    return mover;
  };

  const grant = (index: number, changes: Partial<SiteSegment['grant']> = {}): SiteSegment['grant'] => ({
    purpose: 'move',
    verify: 'full',
    offsetBytes: index * SEGMENT,
    lengthBytes: SEGMENT,
    repository: backup.access,
    recipe: { ...wholeImage('sda', backup.sizeBytes), parts: [...wholeImage('sda', backup.sizeBytes).parts] },
    images: [{ name: 'sda', location: backup.location }],
    patches: [],
    target: { kind: 'lun', lun: 0, sizeBytes: backup.sizeBytes },
    ...changes,
  });

  const addAll = async (purpose: 'move' | 'verify' = 'move'): Promise<number> => {
    const count = backup.sizeBytes / SEGMENT;
    for (let index = 0; index < count; index += 1) await site.add(`${purpose}-${index}`, grant(index, { purpose }));
    return count;
  };

  const everyDoneOnce = (): void => {
    for (const id of site.segments.keys()) {
      const own = site.events.filter((event) => event.segment === id);
      assert.deepEqual(own.filter((event) => event.kind === 'done').length, 1, `${id} is reported done once`);
      assert.equal(own.at(-1)?.kind, 'done', `nobody takes ${id} after it was done`);
    }
  };

  it('writes a disk that equals the backup, and finds it equal when it reads it back', async () => {
    const count = await addAll();
    start();
    await site.until('all is moved', () => site.count('done') === count);
    expect(await fileHash(disk)).toBe(backup.sha256);
    await addAll('verify');
    await site.until('all is verified', () => site.count('done') === 2 * count);
    everyDoneOnce();
    const first = site.of('done', 'verify-0')[0]!;
    expect(first.detail['bytesRead']).toBe(SEGMENT);
    expect(first.detail['bytesWritten']).toBe(0);
  });

  it('composes a disk from parts of its backup, bytes of its own and zeros, and finds it equal when it reads it back', async () => {
    const image = await readFile(join(root, 'backup', 'disk.raw'));
    const bootCode = randomBytes(440);
    // Across the border of two segments, and of no whole block.
    const table = randomBytes(1_801);
    const patched = (at: number, bytes: Buffer) => ({ at, length: bytes.length, from: { bytes: patchId(bytes) } });
    const read = (at: number, length: number, offset: number) => ({ at, length, from: { image: 'sda', offset } });
    const recipe = recipeOf(backup.sizeBytes, [
      patched(0, bootCode),
      read(440, 8 * MIB, 8 * MIB + 440),
      read(9 * MIB + 123, 5 * MIB + 5, 14 * MIB + 77),
      patched(SEGMENT - 100, table),
      read(100 * MIB, 32 * MIB, 160 * MIB),
    ]);
    const expected = Buffer.alloc(backup.sizeBytes);
    for (const { at, length, from } of recipe.parts) {
      const bytes = [bootCode, table].find((each) => 'bytes' in from && patchId(each) === from.bytes);
      expected.set('image' in from ? image.subarray(from.offset, from.offset + length) : bytes!, at);
    }
    const composed = (purpose: 'move' | 'verify', index: number): SiteSegment['grant'] => {
      const within = recipeWithin(recipe, { offset: index * SEGMENT, length: SEGMENT });
      const patches = [bootCode, table].filter((bytes) => patchesOf(within).includes(patchId(bytes)));
      return grant(index, {
        purpose,
        recipe: { ...within, parts: [...within.parts] },
        images: imagesOf(within).map((name) => ({ name, location: backup.location })),
        patches: patches.map((bytes) => bytes.toString('base64')),
      });
    };
    const count = backup.sizeBytes / SEGMENT;
    start();
    for (const purpose of ['move', 'verify'] as const) {
      for (let index = 0; index < count; index += 1) await site.add(`${purpose}-${index}`, composed(purpose, index));
      await site.until(
        `each ${purpose} has ended`,
        () => site.of('done').length >= count * (purpose === 'move' ? 1 : 2),
      );
      expect((await readFile(disk)).equals(expected)).toBe(true);
    }
    const file = await open(disk, 'r+');
    await file.write(Buffer.of(table[150]! ^ 1), 0, 1, SEGMENT + 50);
    await file.sync();
    await file.close();
    await site.add('verify-again', composed('verify', 1));
    await site.until('it has failed', () => site.count('failed') === 1);
    expect(site.of('failed')[0]?.detail).toMatchObject({ code: 'VERIFY_MISMATCH', facts: { offset: SEGMENT + 50 } });
  });

  it('leaves the holes of the backup as holes of the disk', async () => {
    const count = await addAll();
    start();
    await site.until('all is moved', () => site.count('done') === count);
    const file = await open(disk, 'r');
    const { blocks } = await file.stat();
    await file.close();
    // A quarter of the disk holds data.
    assert.ok(blocks * 512 < backup.sizeBytes / 3, `${blocks * 512} bytes are allocated`);
  });

  it('goes on after a kill -9 in the middle and writes no finished segment again', async () => {
    const mover = start();
    site.onGranted = (_segment, claims) => {
      // Some are done, one is being written, and the answer to this claim may or may not arrive.
      if (claims === 6) mover.kill('SIGKILL');
    };
    const count = await addAll();
    await mover.exited;
    const doneBefore = new Set(site.of('done').map((event) => event.segment));
    assert.ok(doneBefore.size > 0 && doneBefore.size < count, `${doneBefore.size} of ${count} were done`);
    start();
    await site.until('all is moved', () => site.count('done') === count);
    expect(await fileHash(disk)).toBe(backup.sha256);
    everyDoneOnce();
    expect(site.count('registered')).toBe(1);
  });

  it('lets several data-movers of a worker share one bootstrap token and the work', async () => {
    site.concurrency = 1;
    const started = ['worker-0', 'worker-1', 'worker-2'].map(start);
    await site.until('all have started', () => site.count('started') === started.length);
    const count = await addAll();
    await site.until('all is moved', () => site.count('done') === count);
    expect(await fileHash(disk)).toBe(backup.sha256);
    expect(site.count('registered')).toBe(1);
    expect(new Set(site.of('claimed').map((event) => event.mover)).size).toBeGreaterThan(1);
  });

  it('gives back what it has in hand and ends with 0 when it is told to stop', async () => {
    const mover = start();
    site.away = true;
    await site.add('move-0', grant(0));
    await site.until('it has started', () => site.count('started') === 1);
    mover.kill('SIGTERM');
    expect(await mover.exited).toStrictEqual([0, null]);
    site.away = false;
    start('worker-1');
    await site.until('another has taken it up', () => site.count('done') === 1);
  });

  it('waits while the API can’t answer', async () => {
    site.away = true;
    start();
    await site.add('move-0', grant(0));
    await site.until('it has started', () => site.count('heartbeat') === 1);
    site.away = false;
    await site.until('it is moved', () => site.count('done') === 1);
  });

  it('repeats a report until it is answered, and keeps it until then', async () => {
    site.deaf = true;
    const mover = start();
    await site.add('move-0', grant(0));
    await until('the report is kept', async () => (await keptFiles()).length === 1);
    mover.kill('SIGKILL');
    await mover.exited;
    site.deaf = false;
    site.loseAnswer = true;
    start();
    await site.until('its successor has told it', () => site.count('done') === 1);
    await until('nothing is kept any more', async () => (await keptFiles()).length === 0);
    assert.equal(site.of('claimed', 'move-0').length, 1, 'nobody had to write it again');
  });

  it('takes nothing more for a disk that it has found to be bad, until that is told; so does its successor', async () => {
    const count = await addAll();
    const first = start();
    await site.until('all is moved', () => site.count('done') === count);
    const file = await open(disk, 'r+');
    await file.write(Buffer.from('not what was written'), 0, 20, 5 * MIB);
    await file.sync();
    await file.close();
    site.deaf = true;
    await site.add('verify-0', grant(0, { purpose: 'verify' }));
    await until('the verdict is kept', async () => (await keptFiles()).some((name) => name.startsWith('verdict.')));
    await site.add('verify-1', grant(1, { purpose: 'verify' }));
    first.kill('SIGKILL');
    await first.exited;
    start('worker-1');
    await site.until('the other has started', () => site.count('registered') === 1 && site.count('heartbeat') > 1);
    await pause(500);
    expect(site.of('claimed', 'verify-1').length).toBe(0);
    site.deaf = false;
    await site.until('it is told', () => site.count('failed') === 1);
    expect(site.of('failed')[0]?.detail['code']).toBe('VERIFY_MISMATCH');
    assert.match(site.of('failed')[0]?.mover ?? '', /^worker-0\//, 'by another one, in the name of who found it');
    await site.until('then work goes on', () => site.of('done', 'verify-1').length === 1);
  });

  it('does not begin without a folder in which it can keep what it finds out', async () => {
    await writeFile(join(folder, 'state'), 'a file');
    const mover = start();
    expect(await mover.exited).toStrictEqual([1, null]);
    expect(mover.output.join('')).toMatch(/STATE_FOLDER_UNUSABLE|can't write to its state folder/);
  });

  it('drops a job whose segment is finished', async () => {
    await site.add('move-0', grant(0));
    site.segments.get('move-0')!.state = 'done';
    await site.add('move-1', grant(1));
    start();
    await site.until('the other is moved', () => site.count('done') === 1);
    expect(site.of('claimed', 'move-0').length).toBe(0);
  });

  it('reports where a disk differs from its backup', async () => {
    const count = await addAll();
    start();
    await site.until('all is moved', () => site.count('done') === count);
    const file = await open(disk, 'r+');
    await file.write(Buffer.from('not what was written'), 0, 20, 3 * SEGMENT + 5 * MIB + 123);
    await file.sync();
    await file.close();
    await site.add('verify-3', grant(3, { purpose: 'verify' }));
    await site.until('it has failed', () => site.count('failed') === 1);
    expect(site.of('failed')[0]?.detail).toStrictEqual({
      kind: 'failed',
      code: 'VERIFY_MISMATCH',
      facts: { offset: 3 * SEGMENT + 5 * MIB + 123 },
    });
  });

  const failures: readonly [string, () => Promise<Partial<SiteSegment['grant']>>, FailureCode, string][] = [
    [
      'a wrong password',
      async () => ({ repository: { ...backup.access, password: 'wrong' } }),
      'REPOSITORY_PASSWORD_WRONG',
      'permanent',
    ],
    [
      'a flipped bit in a pack',
      async () => {
        const repository = join(folder, 'damaged');
        const original = (backup.access.store as { path: string }).path;
        await cp(original, repository, { recursive: true });
        await damagePack(repository);
        const whole = { offsetBytes: 0, lengthBytes: backup.sizeBytes };
        return { ...whole, repository: { ...backup.access, store: { kind: 'folder', path: repository } } };
      },
      'BLOB_CORRUPT',
      'permanent',
    ],
    [
      'a disk that is smaller than planned',
      async () => ({ target: { kind: 'lun', lun: 0, sizeBytes: backup.sizeBytes * 2 } }),
      'TARGET_TOO_SMALL',
      'permanent',
    ],
    [
      'a disk that is not attached',
      async () => ({ target: { kind: 'lun', lun: 7, sizeBytes: backup.sizeBytes } }),
      'TARGET_MISSING',
      'retryable',
    ],
  ];
  for (const [name, changes, code, kind] of failures) {
    it(`reports ${name} as ${code}, ${kind}`, async () => {
      await site.add('move-0', grant(0, await changes()));
      start();
      await site.until('it has failed', () => site.count('failed') === 1);
      const { detail } = site.of('failed')[0]!;
      expect(detail['code']).toBe(code);
      expect(failureKind(code)).toBe(kind);
      expect(site.count('done')).toBe(0);
    });
  }

  const keptFiles = async (): Promise<string[]> =>
    (await readdir(join(folder, 'state')).catch(() => [])).filter(
      (name) => name.endsWith('.json') && name !== 'session.json',
    );

  const writes = async (): Promise<void> => {
    while (statSync(disk).blocks === 0) await pause(1);
  };

  it('is ended by another one when it is stopped in the middle, before that one writes; waking up changes nothing', async () => {
    site.leaseMs = 2_000;
    site.concurrency = 1;
    const stopped = start('worker-0');
    await site.add('move-0', grant(0, { offsetBytes: 0, lengthBytes: backup.sizeBytes }));
    await writes();
    stopped.kill('SIGSTOP');
    // The lease of two seconds is for the one that is stopped: a busy machine may keep the other from renewing as soon.
    site.leaseMs = WHOLE_LEASE_MS;
    start('worker-1');
    await site.until('the other has written it', () => site.count('done') === 1);
    // Not even a stopped process outlives the moment at which another one is given what it wrote.
    expect(await stopped.exited).toStrictEqual([null, 'SIGKILL']);
    stopped.kill('SIGCONT');
    const [first, second] = site.of('claimed', 'move-0');
    expect(first?.mover.startsWith('worker-0/') && second?.mover.startsWith('worker-1/')).toBeTruthy();
    expect(Number(second?.detail['epoch'])).toBe(Number(first?.detail['epoch']) + 1);
    expect(await fileHash(disk)).toBe(backup.sha256);
    await site.add('verify-0', grant(0, { purpose: 'verify', offsetBytes: 0, lengthBytes: backup.sizeBytes }));
    await site.until('it is verified', () => site.count('done') === 2);
    expect(await fileHash(disk)).toBe(backup.sha256);
  });

  it('ends by itself when it wakes up without its lease, and reports nothing of what it had in hand', async () => {
    site.leaseMs = 2_000;
    const stopped = start('worker-0');
    await site.add('move-0', grant(0, { offsetBytes: 0, lengthBytes: backup.sizeBytes }));
    await writes();
    stopped.kill('SIGSTOP');
    await pause(2_500);
    stopped.kill('SIGCONT');
    expect(await stopped.exited).toStrictEqual([1, null]);
    expect(site.count('done') + site.count('failed')).toBe(0);
    site.leaseMs = WHOLE_LEASE_MS;
    start('worker-0');
    await site.until('its successor has written it', () => site.count('done') === 1);
    expect(await fileHash(disk)).toBe(backup.sha256);
  });

  it('ends its predecessor of the same name before it begins', async () => {
    const first = start('worker-0');
    await site.until('it has started', () => site.count('started') === 1);
    first.kill('SIGSTOP');
    start('worker-0');
    expect(await first.exited).toStrictEqual([null, 'SIGKILL']);
    await site.until('its successor has started', () => site.count('started') === 2);
  });

  it('leaves what another one is writing alone for as long as that one lives', async () => {
    site.concurrency = 1;
    const first = start('worker-0');
    await site.until('it has started', () => site.count('started') === 1);
    await site.add('move-0', grant(0));
    await site.until('it is written', () => site.count('done') === 1);
    // As if its job had got lost with Redis' memory while it was still at it.
    const segment = site.segments.get('move-0')!;
    first.kill('SIGSTOP');
    segment.state = 'pending';
    start('worker-1');
    await site.handOut(segment);
    await site.until('the other has started', () => site.count('started') === 2);
    await pause(1_500);
    expect(site.of('claimed').length).toBe(1);
    first.kill('SIGTERM');
    first.kill('SIGCONT');
    expect(await first.exited).toStrictEqual([0, null]);
    await site.until('the other has it once the first has left', () => site.count('done') === 2);
  });

  it('writes no secret to its log', async () => {
    await site.add('move-0', grant(0, { repository: { ...backup.access, password: 'canary-password' } }));
    await site.add('move-1', grant(1));
    const mover = start();
    await site.until('both have ended', () => site.count('failed') + site.count('done') === 2);
    const log = mover.output.join('');
    expect(log).not.toBe('');
    for (const secret of ['canary-password', backup.access.password!, 'the-one-time-token', 'the-session-token']) {
      assert.ok(!log.includes(secret), `"${secret}" is not in the log`);
    }
  });
});

async function until(what: string, condition: () => Promise<boolean>): Promise<void> {
  for (let looks = 0; looks < 1_200; looks += 1) {
    if (await condition()) return;
    await pause(50);
  }
  throw new Error(`Waited in vain until ${what}.`);
}
