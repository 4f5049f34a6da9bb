import { randomFillSync } from 'node:crypto';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { Agent, request } from 'node:https';
import path from 'node:path';
import { PageBlobTarget } from '@landfall/azure/blob';
import { EmulatedDisk } from './emulated-disk.js';
import { round } from './figures.js';
import { memoryFolder } from './memory-folder.js';
import type { Report } from './report.js';

/*
 * Writing a disk through the emulator's page-blob endpoint, against writing the same bytes to a plain file.
 *
 * Three ways in turns, each with four writers that take the next 4 MiB when they are done with the last: into a file; as
 * Put Page over four connections of Node's own https client; with the storage client, as a data-mover does it. What
 * the disk holds in the end is compared with what was written. On a machine that does other work at the same time, the
 * CPU time says more than the speed.
 */
export interface PageBlobOptions {
  readonly sizeBytes: number;
  readonly repeat: number;
}

interface Taken {
  readonly wallSeconds: number;
  /** Of this process. */
  readonly clientCpuSeconds: number;
  /** Of the emulator; 0 where it had no part. */
  readonly emulatorCpuSeconds: number;
}

type Write = (offset: number, bytes: Buffer) => Promise<unknown>;

const WRITERS = 4;
const PAGE_WRITE_BYTES = 4 * 1024 * 1024;
/** Every so many bytes the data begins anew. */
const SAMPLE_BYTES = 16 * PAGE_WRITE_BYTES;
const WAYS = ['file', 'https', 'client'] as const;
const NAMES: Readonly<Record<(typeof WAYS)[number], string>> = {
  file: 'plain file',
  https: 'Put Page, https',
  client: 'storage client',
};

export async function pageBlob(options: PageBlobOptions, say: (line: string) => void): Promise<Report> {
  const folder = await mkdtemp(path.join(await memoryFolder(say), 'landfall-bench-'));
  say(`Working in ${folder}, which is removed in the end.`);
  const sample = randomFillSync(Buffer.allocUnsafe(SAMPLE_BYTES));
  const agent = new Agent({ keepAlive: true, maxSockets: WRITERS });
  let disk: EmulatedDisk | null = null;
  const plain = await open(path.join(folder, 'plain.raw'), 'w+');
  try {
    await plain.truncate(options.sizeBytes);
    const emulated = (disk = await EmulatedDisk.create(path.join(folder, 'azure'), options.sizeBytes));
    const target = new PageBlobTarget(emulated.url, options.sizeBytes);
    const ways: Readonly<Record<(typeof WAYS)[number], Write>> = {
      file: (offset, bytes) => plain.write(bytes, 0, bytes.length, offset),
      https: (offset, bytes) => putPage(emulated, agent, offset, bytes),
      client: (offset, bytes) => target.write(offset, bytes),
    };
    const taken: Record<(typeof WAYS)[number], Taken[]> = { file: [], https: [], client: [] };
    // The first turn warms up: pages of memory, connections, compiled code.
    for (let turn = 0; turn <= options.repeat; turn += 1) {
      for (let place = 0; place < WAYS.length; place += 1) {
        const way = WAYS[(place + turn) % WAYS.length]!;
        const measured = await measure(emulated, options.sizeBytes, sample, ways[way]);
        if (turn > 0) taken[way].push(measured);
        say(
          `  ${NAMES[way].padEnd(16)} ${speed(options.sizeBytes, measured)} MB/s${turn === 0 ? ' (warming up)' : ''}`,
        );
      }
      await requireSample(emulated.path, options.sizeBytes, sample);
    }
    return report(options, taken);
  } finally {
    agent.destroy();
    await plain.close();
    await disk?.close();
    await rm(folder, { recursive: true, force: true });
  }
}

async function measure(disk: EmulatedDisk, sizeBytes: number, sample: Buffer, write: Write): Promise<Taken> {
  const emulatorBefore = disk.cpuSeconds();
  const clientBefore = process.cpuUsage();
  const started = performance.now();
  let next = 0;
  const writer = async (): Promise<void> => {
    for (;;) {
      const offset = next;
      if (offset >= sizeBytes) return;
      next += PAGE_WRITE_BYTES;
      const at = offset % SAMPLE_BYTES;
      await write(offset, sample.subarray(at, at + Math.min(PAGE_WRITE_BYTES, sizeBytes - offset)));
    }
  };
  await Promise.all(Array.from({ length: WRITERS }, writer));
  const wallSeconds = (performance.now() - started) / 1000;
  const { user, system } = process.cpuUsage(clientBefore);
  return {
    wallSeconds,
    clientCpuSeconds: (user + system) / 1e6,
    emulatorCpuSeconds: disk.cpuSeconds() - emulatorBefore,
  };
}

function putPage(disk: EmulatedDisk, agent: Agent, offset: number, bytes: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers = {
      'content-length': bytes.length,
      'x-ms-version': '2024-11-04',
      'x-ms-page-write': 'update',
      'x-ms-range': `bytes=${offset}-${offset + bytes.length - 1}`,
    };
    const sent = request(`${disk.url}&comp=page`, { method: 'PUT', agent, ca: disk.ca, headers }, (response) => {
      response.resume();
      response.once('end', () => {
        if (response.statusCode === 201) resolve();
        else reject(new Error(`Put Page was answered with ${response.statusCode}.`));
      });
    });
    sent.once('error', reject);
    sent.end(bytes);
  });
}

/** @throws Error naming where the disk differs from what was written */
async function requireSample(diskPath: string, sizeBytes: number, sample: Buffer): Promise<void> {
  const file = await open(diskPath, 'r');
  try {
    const block = Buffer.alloc(PAGE_WRITE_BYTES);
    for (let offset = 0; offset < sizeBytes; offset += block.length) {
      const length = Math.min(block.length, sizeBytes - offset);
      await file.read(block, 0, length, offset);
      const at = offset % SAMPLE_BYTES;
      if (sample.compare(block, 0, length, at, at + length) !== 0) {
        throw new Error(`The disk differs from what was written somewhere after byte ${offset}.`);
      }
    }
  } finally {
    await file.close();
  }
}

function report(options: PageBlobOptions, taken: Readonly<Record<(typeof WAYS)[number], Taken[]>>): Report {
  const megabytes = options.sizeBytes / 1e6;
  const rows = WAYS.map((way) => {
    const { wallSeconds, clientCpuSeconds, emulatorCpuSeconds } = median(taken[way]);
    const perSecond = megabytes / wallSeconds;
    return { way, perSecond, clientCpuSeconds, emulatorCpuSeconds };
  });
  const plain = rows[0]!.perSecond;
  const lines = rows.map(({ way, perSecond, clientCpuSeconds, emulatorCpuSeconds }) =>
    [
      NAMES[way].padEnd(18),
      perSecond.toFixed(0).padStart(8),
      (perSecond / plain).toFixed(2).padStart(12),
      ((clientCpuSeconds / megabytes) * 1000).toFixed(2).padStart(14),
      ((emulatorCpuSeconds / megabytes) * 1000).toFixed(2).padStart(16),
    ].join(''),
  );
  const data = Object.fromEntries(
    rows.map(({ way, perSecond, clientCpuSeconds, emulatorCpuSeconds }) => [
      way,
      {
        megabytesPerSecond: round(perSecond),
        ratioToFile: round(perSecond / plain),
        clientCpuSeconds: round(clientCpuSeconds),
        emulatorCpuSeconds: round(emulatorCpuSeconds),
      },
    ]),
  );
  return {
    data: { benchmark: 'page-blob', ...options, writers: WRITERS, writeBytes: PAGE_WRITE_BYTES, ...data },
    table: [`${' '.repeat(18)}    MB/s  ratio to file  client ms/MB  emulator ms/MB`, ...lines].join('\n'),
  };
}

function median(all: readonly Taken[]): Taken {
  return all.toSorted((left, right) => left.wallSeconds - right.wallSeconds)[Math.floor(all.length / 2)]!;
}

function speed(sizeBytes: number, { wallSeconds }: Taken): string {
  return (sizeBytes / 1e6 / wallSeconds).toFixed(0).padStart(6);
}
