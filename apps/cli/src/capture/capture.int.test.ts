import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, open, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { parseManifest } from '@landfall/repository/manifest';
import { initRepository } from '@landfall/repository/quick-repository';
import { Restic } from '@landfall/repository/writing';
import { runProgram } from '../command-line.js';
import { describeCommands } from '../commands/index.js';
import { DiskInput } from './disk-input.js';

const run = promisify(execFile);
const MIB = 1024 * 1024;

describe('a capture into a restic repository', () => {
  let folder: string;
  let repository: string;
  let passwordFile: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'landfall-capture-'));
    repository = join(folder, 'repo');
    passwordFile = join(folder, 'password');
    await writeFile(passwordFile, 'secret\n');
    await initRepository(repository, 'secret');
  });
  afterAll(() => rm(folder, { recursive: true }));

  async function restic(...args: readonly string[]): Promise<Buffer> {
    const env = { ...process.env, RESTIC_REPOSITORY: repository, RESTIC_PASSWORD: 'secret' };
    return (await run('restic', [...args], { env, encoding: 'buffer', maxBuffer: 256 * MIB })).stdout;
  }

  async function snapshots(): Promise<{ id: string; tags?: string[]; paths: string[]; hostname: string }[]> {
    return JSON.parse((await restic('snapshots', '--json')).toString()) as never;
  }

  async function disk(name: string, content: Buffer): Promise<string> {
    const path = join(folder, name);
    await writeFile(path, content);
    return path;
  }

  async function capture(...words: readonly string[]) {
    let stdout = '';
    let stderr = '';
    const code = await runProgram(
      describeCommands,
      ['capture', '--repo', repository, '--machine', 'web', '--json', ...words],
      {
        terminal: { stdout: { write: (text) => (stdout += text) }, stderr: { write: (text) => (stderr += text) } },
        signal: new AbortController().signal,
      },
    );
    return { code, stdout, stderr };
  }

  it('stores each disk as it is and the manifest after them, all under one tag', async () => {
    const contents = [randomBytes(3 * MIB + 512), Buffer.alloc(MIB), randomBytes(700)];
    const paths = await Promise.all(contents.map((content, index) => disk(`sd${'abc'[index]}`, content)));
    const { code, stdout, stderr } = await capture(
      ...paths.flatMap((path) => ['--disk', path]),
      ...['--password-file', passwordFile],
    );
    assert.equal(code, 0, stderr);
    const made = JSON.parse(stdout) as { reference: string; disks: { snapshot: string; sizeBytes: number }[] };
    const all = await snapshots();
    expect(all.map(({ paths: [path], tags, hostname }) => [path, tags, hostname])).toStrictEqual(
      ['/sda.raw', '/sdb.raw', '/sdc.raw', '/machine.json'].map((path) => [
        path,
        [`landfall-point=${made.reference}`],
        'web',
      ]),
    );
    for (const [index, content] of contents.entries()) {
      const stored = await restic('dump', made.disks[index]!.snapshot, `/sd${'abc'[index]}.raw`);
      assert.ok(stored.equals(content), `disk ${index} differs`);
    }
    const manifest = parseManifest(await restic('dump', all[3]!.id, '/machine.json'));
    assert.ok(manifest.ok);
    expect(manifest.manifest.name).toBe('web');
    expect(manifest.manifest.kind).toBe('computer');
    expect(manifest.manifest.disks.map(({ file, role, lun, sizeBytes }) => [file, role, lun, sizeBytes])).toStrictEqual(
      [
        ['sda.raw', 'os', undefined, 3 * MIB + 512],
        ['sdb.raw', 'data', 0, MIB],
        ['sdc.raw', 'data', 1, 700],
      ],
    );
  });

  it('stores the partitions that were not asked for as zeros', async () => {
    const image = randomBytes(4 * MIB);
    image.fill(0, 0, 512);
    for (const [index, start] of [MIB, 2 * MIB].entries()) {
      const entry = image.subarray(446 + 16 * index, 462 + 16 * index);
      entry[4] = 0x83;
      entry.writeUInt32LE(start / 512, 8);
      entry.writeUInt32LE(MIB / 512, 12);
    }
    image.writeUInt16BE(0x55aa, 510);
    const path = await disk('parted.raw', image);
    const words = ['--level', 'volume', '--volume', `${path}:2`, '--password-file', passwordFile];
    const { code, stdout, stderr } = await capture(...words);
    assert.equal(code, 0, stderr);
    const [{ snapshot }] = (JSON.parse(stdout) as { disks: [{ snapshot: string }] }).disks;
    const expected = Buffer.from(image);
    expected.fill(0, MIB, 2 * MIB);
    expect((await restic('dump', snapshot, '/parted.raw')).equals(expected)).toBe(true);
  });

  it('leaves no snapshot of a disk that turns out to be shorter than it was', async () => {
    const before = await snapshots();
    const path = await disk('shrinking.raw', randomBytes(4 * MIB));
    const input = await DiskInput.open(path);
    await truncate(path, 2 * MIB);
    await expect(store(input)).rejects.toMatchObject({ code: 'DISK_CHANGED' });
    await input.close();
    expect(await snapshots()).toStrictEqual(before);
  });

  it('leaves no snapshot of a disk that has grown', async () => {
    const before = await snapshots();
    const path = await disk('growing.raw', randomBytes(MIB));
    const input = await DiskInput.open(path);
    const file = await open(path, 'a');
    await file.write('more');
    await file.close();
    await expect(store(input)).rejects.toMatchObject({ code: 'DISK_CHANGED' });
    await input.close();
    expect(await snapshots()).toStrictEqual(before);
  });

  it('leaves neither snapshot nor lock when it is interrupted', async () => {
    const before = await snapshots();
    const interrupt = new AbortController();
    const endless = (async function* () {
      for (let chunk = 0; ; chunk += 1) {
        if (chunk === 4) interrupt.abort();
        yield randomBytes(MIB);
      }
    })();
    const backup = new Restic(repository, 'secret').backup({
      ...{ fileName: 'x.raw', tags: ['landfall-point=x'], host: 'web' },
      content: endless,
      signal: interrupt.signal,
    });
    await expect(backup).rejects.toMatchObject({ name: 'AbortError' });
    expect(await snapshots()).toStrictEqual(before);
    expect((await restic('list', 'locks', '--no-lock')).toString().trim()).toBe('');
  });

  it('tells a wrong password before it reads a disk, and a place without a repository', async () => {
    const path = await disk('d.raw', randomBytes(512));
    await writeFile(join(folder, 'wrong'), 'wrong');
    const wrong = await capture('--disk', path, '--password-file', join(folder, 'wrong'));
    expect(wrong.code).toBe(2);
    expect(wrong.stderr).toMatch(/REPOSITORY_PASSWORD_WRONG/);
    await expect(new Restic(join(folder, 'nowhere'), 'secret').open()).rejects.toMatchObject({
      code: 'REPOSITORY_NOT_FOUND',
    });
  });

  it('refuses a disk that is empty, or not there', async () => {
    const empty = await disk('empty.raw', Buffer.alloc(0));
    for (const [path, code] of [
      [empty, 'DISK_EMPTY'],
      [join(folder, 'none'), 'PATH_UNREADABLE'],
      [folder, 'PATH_UNREADABLE'],
    ] as const) {
      const ended = await capture('--disk', path, '--password-file', passwordFile);
      expect(ended.code).toBe(2);
      expect(ended.stdout).toBe('');
      expect(ended.stderr).toMatch(new RegExp(code));
    }
  });

  function store(input: DiskInput): Promise<string> {
    return new Restic(repository, 'secret').backup({
      ...{ fileName: 'x.raw', tags: ['landfall-point=x'], host: 'web' },
      content: input.chunks(),
      signal: new AbortController().signal,
    });
  }
});
