import { describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import {
  RetryableError,
  Secret,
  type CallJournal,
  type Capture,
  type CaptureBooks,
  type CloudVm,
  type SecretBox,
} from '@landfall/domain';
import {
  CAPTURE_JOB,
  reconcileCaptures,
  redispatchCapture,
  requestCapture,
  requestCaptureCancel,
} from '@landfall/pipeline';
import { parseManifest } from '@landfall/repository/manifest';
import { CrashingJournal, MemoryCaptures, MemoryCloud, MemoryJournal, SimulatedCrash } from '@landfall/testing';
import type { CapturePorts, PointWriter, SnapshotSource } from './ports.js';
import { runCapture } from './run-capture.js';

const APPLIANCE = 'appliance';
const PIECE = 16 * 1024;
const QUIET = { info: () => undefined, warn: () => undefined, error: () => undefined };

describe('a capture of a VM', () => {
  it('stores every disk and the model in one restore point, and leaves nothing in Azure', async () => {
    const scene = await machine();
    const capture = await scene.captured();
    expect([capture.state, capture.oneState]).toStrictEqual(['completed', false]);
    await scene.expectWholePoint(capture.id);
    expect(await scene.left(capture.id)).toStrictEqual([]);
    expect(scene.changesOf(/^machines/)).toStrictEqual([]);
    expect(scene.scans).toStrictEqual([{ name: 'main' }]);
  });

  it('stops a running VM when it is asked to, and starts it again before it reads anything', async () => {
    const scene = await machine();
    const before: string[] = [];
    scene.writer.onBackup = async () => void before.push(String((await scene.vm()).powerState));
    const capture = await scene.captured({ stop: true });
    expect([capture.state, capture.oneState]).toStrictEqual(['completed', true]);
    expect(scene.changesOf(/^(machines|snapshots\.ensure)/)).toStrictEqual([
      'machines.stopSource',
      'snapshots.ensure',
      'snapshots.ensure',
      'machines.startSource',
    ]);
    expect(before).toStrictEqual(['running', 'running', 'running']);
    expect(await scene.left(capture.id)).toStrictEqual([]);
  });

  it('leaves a VM off that was found off', async () => {
    const scene = await machine('deallocated');
    const capture = await scene.captured({ stop: true });
    expect([capture.state, capture.oneState]).toStrictEqual(['completed', true]);
    expect([(await scene.vm()).powerState, scene.changesOf(/^machines/)]).toStrictEqual(['deallocated', []]);
  });

  it('ends well wherever its process dies between the books and Azure, with each thing once and nothing left', async () => {
    for (let boundary = 0; ; boundary += 1) {
      const scene = await machine();
      const id = await scene.asked({ stop: true });
      const died = await scene.dyingAt(boundary);
      await scene.goOn();
      const capture = await scene.captures.capture(id);
      assert.equal(
        capture?.state,
        'completed',
        `after dying at boundary ${boundary}: ${JSON.stringify(capture?.error)}`,
      );
      await scene.expectWholePoint(id);
      assert.deepEqual(await scene.left(id), [], `boundary ${boundary}`);
      assert.equal((await scene.vm()).powerState, 'running', `boundary ${boundary}`);
      if (died) continue;
      assert.ok(boundary > 25, `only ${boundary} boundaries were visited`);
      return;
    }
  });

  it('takes back all that it has made when it is cancelled, and starts the VM again', async () => {
    const scene = await machine();
    const id = await scene.asked({ stop: true });
    scene.writer.onBackup = async (fileName, signal) => {
      if (!fileName.startsWith('lun')) return;
      await requestCaptureCancel(scene.captures, id, 'olivia');
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
    };
    await scene.goOn();
    expect((await scene.captures.capture(id))?.state).toBe('cancelled');
    expect([scene.writer.snapshots, await scene.left(id)]).toStrictEqual([[], []]);
    expect((await scene.vm()).powerState).toBe('running');
    await expect(requestCaptureCancel(scene.captures, id, 'olivia')).rejects.toMatchObject({ code: 'NOT_CANCELLABLE' });
  });

  it('starts a stopped VM again when it fails, for as long as that takes, and tells why it has failed', async () => {
    const scene = await machine();
    const busy = new RetryableError({ code: 'ALLOCATION_FAILED', message: 'No room.', fix: 'Wait.' });
    for (let count = 0; count < 30; count += 1) scene.cloud.subscription.failNext('machines.startSource', busy);
    const capture = await scene.captured({ stop: true });
    expect([capture.state, capture.error?.code]).toStrictEqual(['failed', 'ALLOCATION_FAILED']);
    expect((await scene.vm()).powerState).toBe('running');
    expect([scene.writer.snapshots, await scene.left(capture.id)]).toStrictEqual([[], []]);
  });

  it('takes new snapshots when somebody has started the VM while they were taken', async () => {
    const scene = await machine();
    const id = await scene.asked({ stop: true });
    scene.cloud.snapshots.completion = 0;
    let looks = 0;
    scene.onLook = async () => {
      looks += 1;
      if (looks === 2) (await scene.mutableVm()).powerState = 'running';
      if (looks > 2) scene.complete();
    };
    await scene.goOn();
    expect((await scene.captures.capture(id))?.state).toBe('completed');
    expect(scene.changesOf(/^(machines|snapshots\.ensure)/)).toStrictEqual([
      ...['machines.stopSource', 'snapshots.ensure', 'snapshots.ensure'],
      ...['machines.stopSource', 'snapshots.ensure', 'snapshots.ensure', 'machines.startSource'],
    ]);
    await scene.expectWholePoint(id);
  });

  it('takes back what a run has stored whose place another one has by then', async () => {
    const scene = await machine();
    const id = await scene.asked();
    let once = true;
    scene.writer.onBackup = async (fileName) => {
      if (!once || !fileName.startsWith('lun')) return;
      once = false;
      const capture = await scene.captures.capture(id);
      assert.ok(capture !== null && (await redispatchCapture(scene.captures, capture)));
    };
    await scene.goOn();
    expect((await scene.captures.capture(id))?.state).toBe('completed');
    await scene.expectWholePoint(id);
  });

  it('takes back what a run stores after the capture was cancelled and has ended', async () => {
    const scene = await machine();
    const id = await scene.asked();
    let once = true;
    scene.writer.onBackup = async () => {
      if (!once) return;
      once = false;
      await requestCaptureCancel(scene.captures, id, 'olivia');
      await scene.goOn();
    };
    await scene.goOn();
    expect((await scene.captures.capture(id))?.state).toBe('cancelled');
    expect(scene.writer.snapshots).toStrictEqual([]);
  });

  it('is not begun of a VM that is not there, nor into a repository that does not open', async () => {
    const scene = await machine();
    const { captureId } = await requestCapture(scene.captures, {
      request: { repositoryName: 'main', vmId: `${scene.vmId}-none`, stop: false },
      requestedBy: 'olivia',
    });
    await scene.goOn();
    expect((await scene.captures.capture(captureId))?.error?.code).toBe('VM_MISSING');
    scene.writer.open = () => Promise.reject(new Error('boom'));
    const capture = await scene.captured();
    expect([capture.state, capture.error?.code, capture.machine]).toStrictEqual(['failed', 'UNEXPECTED', null]);
  });
});

/** A VM with two disks that somebody else has made, a repository, and books. */
async function machine(power: 'running' | 'deallocated' = 'running') {
  const cloud = new MemoryCloud({ applianceId: APPLIANCE });
  const { seed } = cloud.subscription;
  const place = {
    resourceGroup: 'apps',
    region: 'westeurope',
    zone: null,
    tags: {},
    role: 'x',
    purpose: 'result' as const,
  };
  const theirs = new MemoryJournal('theirs');
  const size = { sizeBytes: 3 * PIECE, sku: 'StandardSSD_LRS', os: null };
  const os = await cloud.disks.ensureEmpty({ ...place, ...size, name: 'web-os' }, theirs);
  const data = await cloud.disks.ensureEmpty({ ...place, ...size, name: 'web-data' }, theirs);
  const subnetId = seed.subnets[0]?.azureId ?? '';
  const nic = await cloud.network.ensureNic({ ...place, name: 'web-nic', subnetId, privateIp: null }, theirs);
  const osDisk = { diskId: os.azureId, family: 'linux' as const, caching: 'ReadWrite' as const };
  const made = { ...place, name: 'web', size: 'Standard_F2s_v2', nicId: nic.azureId, osDisk, dataDisks: [] };
  const { azureId: vmId } = await cloud.machines.ensure(made, theirs);
  await cloud.machines.attach(vmId, [{ diskId: data.azureId, lun: 1, caching: 'None' }], theirs);
  if (power === 'deallocated') await cloud.machines.deallocate(vmId, theirs);
  const [inventory, changes] = [cloud.subscription.inventory, cloud.subscription.changes.length];

  const contents = new Map([
    ['web-os', Buffer.concat([randomBytes(PIECE), Buffer.alloc(PIECE), randomBytes(PIECE)])],
    ['web-data', Buffer.concat([Buffer.alloc(2 * PIECE), randomBytes(PIECE)])],
  ]);
  const writer = new MemoryWriter();
  const captures = new MemoryCaptures();
  const scene = {
    ...{ cloud, captures, writer, vmId, scans: [] as unknown[] },
    onLook: (): Promise<void> => Promise.resolve(),
    ports(books: CaptureBooks = captures): CapturePorts {
      const reader = new Proxy(cloud.reader, {
        get(target, name) {
          const value: unknown = Reflect.get(target, name, target);
          if (typeof value !== 'function') return value;
          if (name !== 'snapshot') return (value as (...words: unknown[]) => unknown).bind(target);
          return async (id: string) => {
            await scene.onLook();
            return target.snapshot(id);
          };
        },
      });
      const { policies, disks, snapshots, machines, sources, network, groups } = cloud;
      return {
        ...{
          cloud: { reader, policies, disks, snapshots, machines, sources, network, groups },
          captures: books,
          secrets: OPEN_BOX,
        },
        ...{ applianceId: APPLIANCE, lookEveryMs: 1, looksForIntended: [] },
        writerOf: () => Promise.resolve(writer),
        openSnapshot: (name, url, sizeBytes) => memorySource(contents.get(/"(.*)"/.exec(name)?.[1] ?? '')!, sizeBytes),
      };
    },
    async asked({ stop = false } = {}): Promise<string> {
      const request = { repositoryName: 'main', vmId, stop };
      return (await requestCapture(captures, { request, requestedBy: 'olivia' })).captureId;
    },
    /** Does what the queue brings, until nothing is left to do; delays are over at once. */
    async goOn(ports: CapturePorts = scene.ports()): Promise<void> {
      for (let rounds = 0; rounds < 100; rounds += 1) {
        const sent = await captures.takeOutbox();
        const jobs = sent.filter(({ name }) => name === CAPTURE_JOB);
        scene.scans.push(...sent.filter((job) => !jobs.includes(job)).map(({ payload }) => payload));
        if (jobs.length === 0 && (await reconcileCaptures(captures, { isLive: async () => false })).length === 0)
          return;
        for (const { payload } of jobs) await scene.run(payload, ports);
      }
      assert.fail('The capture does not come to an end.');
    },
    run: (payload: unknown, ports: CapturePorts): Promise<unknown> =>
      runCapture(ports, payload as { captureId: string; epoch: number }, new AbortController().signal, QUIET),
    async captured(wishes: { stop?: boolean } = {}): Promise<Capture> {
      const id = await scene.asked(wishes);
      await scene.goOn();
      return (await captures.capture(id))!;
    },
    /** Lets the process die at that boundary. False: it has come to its end before. */
    async dyingAt(boundary: number): Promise<boolean> {
      const mortal = mortalBooks(captures, boundary);
      try {
        await scene.goOn(scene.ports(mortal));
        return false;
      } catch (error) {
        if (!(error instanceof SimulatedCrash)) throw error;
        return true;
      }
    },
    complete(): void {
      cloud.snapshots.completion = 100;
      for (const snapshot of cloud.subscription.snapshots.values()) snapshot.completionPercent = 100;
    },
    async vm(): Promise<CloudVm> {
      return (await cloud.reader.vm(vmId))!;
    },
    mutableVm: (): Promise<{ powerState: string | null }> =>
      Promise.resolve(cloud.subscription.vms.get(vmId.toLowerCase())!),
    changesOf: (which: RegExp): string[] =>
      cloud.subscription.changes
        .slice(changes)
        .map((change) => change.split(' ')[0] ?? '')
        .filter((call) => which.test(call)),
    /** What is in Azure, or in the ledger, or changed of the VM, that should not be. */
    async left(id: string): Promise<unknown[]> {
      const alive = (await captures.ledger(id)).filter(({ state }) => state !== 'removed');
      const more = cloud.subscription.inventory.filter((each) => !inventory.includes(each));
      return [...alive, ...more, ...(await captures.openChanges(id))];
    },
    async expectWholePoint(id: string): Promise<void> {
      const files = writer.snapshots.map(({ fileName }) => fileName.replace(/-\d+\.raw$/, ''));
      assert.deepEqual(files.toSorted(), ['lun1', 'machine.json', 'os']);
      assert.equal(files.at(-1), 'machine.json');
      for (const { tags } of writer.snapshots) assert.deepEqual(tags, [`landfall-point=${id}`]);
      const parsed = parseManifest(writer.snapshots.at(-1)!.content);
      assert.ok(parsed.ok, JSON.stringify(parsed));
      const { manifest } = parsed;
      assert.deepEqual(
        manifest.disks.map(({ name, role, lun }) => [name, role, lun]),
        [
          ['os', 'os', undefined],
          ['lun1', 'data', 1],
        ],
      );
      assert.deepEqual([manifest.kind, manifest.name, manifest.azure?.['id']], ['image', 'web', vmId]);
      for (const [disk, azureName] of [[0, 'web-os'] as const, [1, 'web-data'] as const]) {
        const stored = writer.snapshots.find(({ fileName }) => fileName === manifest.disks[disk]!.file);
        assert.ok(stored?.content.equals(contents.get(azureName)!), `${azureName} differs`);
      }
    },
  };
  return scene;
}

const OPEN_BOX: SecretBox = { seal: (secret) => secret.reveal(), open: (sealed) => new Secret(sealed) };

interface Stored {
  readonly id: string;
  readonly fileName: string;
  readonly tags: readonly string[];
  readonly content: Buffer;
}

class MemoryWriter implements PointWriter {
  snapshots: readonly Stored[] = [];
  onBackup: (fileName: string, signal: AbortSignal) => Promise<void> = () => Promise.resolve();
  #count = 0;

  open = (): Promise<void> => Promise.resolve();

  async backup({ fileName, tags, content, signal }: Parameters<PointWriter['backup']>[0]): Promise<string> {
    await this.onBackup(fileName, signal);
    const chunks: Uint8Array[] = [];
    for await (const chunk of content) {
      signal.throwIfAborted();
      chunks.push(Buffer.from(chunk));
    }
    this.#count += 1;
    const id = `${this.#count}`.padStart(8, '0');
    this.snapshots = [...this.snapshots, { id: `${id}full`, fileName, tags, content: Buffer.concat(chunks) }];
    return id;
  }

  async snapshotsWith(tag: string) {
    return this.snapshots
      .filter(({ tags }) => tags.includes(tag))
      .map(({ id, fileName }) => ({ id, paths: [`/${fileName}`] }));
  }

  async forget(ids: readonly string[]): Promise<void> {
    this.snapshots = this.snapshots.filter(({ id }) => !ids.some((each) => id.startsWith(each)));
  }
}

/** Each page is of 512 bytes. */
function memorySource(bytes: Buffer, sizeBytes: number): SnapshotSource {
  assert.equal(bytes.length, sizeBytes);
  return {
    sizeBytes,
    read: async (offset, length) => bytes.subarray(offset, offset + length),
    async allocated({ offset, length }) {
      const ranges: { offset: number; length: number }[] = [];
      for (let at = offset; at < offset + length; at += PIECE) {
        if (bytes.subarray(at, at + PIECE).some((byte) => byte !== 0)) ranges.push({ offset: at, length: PIECE });
      }
      return ranges;
    },
  };
}

/** Once the process is dead it writes nothing any more. */
function mortalBooks(captures: CaptureBooks, boundary: number): CaptureBooks {
  let left = boundary;
  let crash: SimulatedCrash | null = null;
  const dies = (journal: CallJournal): CallJournal => {
    const crashing = new CrashingJournal(journal, left);
    return new Proxy(crashing, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name, target);
        if (typeof value !== 'function') return value;
        return async (...words: unknown[]) => {
          if (crash !== null) throw crash;
          left -= 2;
          try {
            return await (value as (...given: unknown[]) => Promise<unknown>).apply(target, words);
          } catch (error) {
            if (error instanceof SimulatedCrash) crash = error;
            throw error;
          }
        };
      },
    });
  };
  return new Proxy(captures, {
    get(target, name) {
      if (crash !== null) throw crash;
      const value: unknown = Reflect.get(target, name, target);
      if (name === 'journal') return (run: never) => dies(target.journal(run));
      return typeof value === 'function' ? (value as (...words: unknown[]) => unknown).bind(target) : value;
    },
  });
}
