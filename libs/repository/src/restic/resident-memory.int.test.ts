import { expect, test } from '@jest/globals';
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { HANDMADE_PASSWORD, HandmadeRepository } from '../fixtures/handmade-repository.js';

const MIB = 1024 * 1024;
const CHUNK = 512 * 1024;
const LIMIT_MIB = 400;

/**
 * Opens the disk in a process of its own, reads its data, and prints the most memory that was resident, in MiB.
 * (Not from resourceUsage: that counts what the parent had when it forked.)
 */
const READER = `
  const { Secret } = await import(process.argv[2]);
  const { FolderFileStore, openRepository } = await import(process.argv[3]);
  const repository = await openRepository({ kind: 'restic', store: new FolderFileStore(process.argv[4]), password: new Secret(process.argv[5]), threads: 2 });
  const { points } = await repository.discover();
  const disk = await repository.openDisk(points[0].disks[0].location);
  let bytes = 0;
  for await (const piece of disk.pieces({ offset: 0, length: disk.sizeBytes })) {
    bytes += piece.bytes.byteLength;
    piece.release?.();
  }
  await repository.close();
  const { readFileSync } = await import('node:fs');
  const kiB = Number(/VmHWM:\\s+(\\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'))[1]);
  console.log(JSON.stringify({ sizeBytes: disk.sizeBytes, bytes, residentMiB: kiB / 1024 }));
`;

test(`a sparse disk of 1 TiB is read within ${LIMIT_MIB} MiB of memory`, async () => {
  const made = new HandmadeRepository(2);
  const zeros = made.addBlob('data', Buffer.alloc(CHUNK));
  const data = Array.from({ length: 200 }, () => made.addBlob('data', randomBytes(MIB)));
  const holes = (1024 * 1024 * MIB - 200 * MIB) / CHUNK;
  // Data in the middle of a great many zeros, each of which restic lists.
  const content = [...Array<string>(holes / 2).fill(zeros), ...data, ...Array<string>(holes / 2).fill(zeros)];
  const tree = made.addTree([{ name: 'disk.raw', type: 'file', size: 1024 * 1024 * MIB, content }]);
  made.writePack();
  made.writeSnapshot({ time: '2026-01-01T00:00:00Z', tree, paths: ['/disk.raw'], hostname: 'h' });
  made.writeIndex();
  const folder = await mkdtemp(path.join(os.tmpdir(), 'landfall-memory-'));
  try {
    for (const [name, bytes] of Object.entries(made.files)) {
      await mkdir(path.dirname(path.join(folder, name)), { recursive: true });
      await writeFile(path.join(folder, name), bytes);
    }
    const modules = [import.meta.resolve('@landfall/domain'), import.meta.resolve('../index.js')];
    const reader = ['--input-type=module', '-e', READER, '-', ...modules, folder, HANDMADE_PASSWORD];
    const { stdout } = await promisify(execFile)(process.execPath, reader);
    const { sizeBytes, bytes, residentMiB } = JSON.parse(stdout) as Record<string, number>;
    console.log(`${Math.round(residentMiB!)} MiB resident`);
    expect(sizeBytes).toBe(1024 * 1024 * MIB);
    expect(bytes).toBe(200 * MIB);
    assert.ok(residentMiB! <= LIMIT_MIB, `${residentMiB} MiB`);
  } finally {
    await rm(folder, { recursive: true });
  }
});
