import assert from 'node:assert/strict';
import {
  ownerTags,
  Secret,
  type Cloud,
  type CallJournal,
  type CloudDisk,
  type CloudVm,
  type LockedRestore,
  type ReplacedVm,
  type RestorePlan,
  type StepId,
  type WorkRun,
} from '@landfall/domain';
import {
  beginWork,
  recordOutcome,
  redispatch,
  requestApproval,
  requestRestore,
  runWork,
  type RunEnd,
  type WorkHandlers,
} from '@landfall/pipeline';
import { createSecretBox } from '@landfall/persistence';
import {
  aRestorePlan,
  aRestoreRequest,
  MemoryBooks,
  MemoryCloud,
  MemoryDiskAccesses,
  MemoryJournal,
  MemoryWorkerDoors,
  MemoryWorkerRegistry,
  seedOf,
  SimulatedCrash,
  nothingArchived,
} from '@landfall/testing';
import { cleanUp } from '../clean-up.js';
import { attachDisks } from '../steps/attach-disks.js';
import { bringSourceBack } from './bring-back.js';
import { checkBoot } from './check-boot.js';
import { moveDisks } from './move-disks.js';
import { purge } from './purge.js';
import { recreateVm } from './recreate-vm.js';
import { removeSource } from './remove-source.js';
import { removeStaging } from './remove-staging.js';

const APPLIANCE = 'appliance';
const GIB = 1024 ** 3;
const SUBNET = seedOf().subnets[0]?.azureId ?? '';
const STEPS: readonly StepId[] = [
  ...(['plan', 'create-staging-resource-group', 'create-empty-disks', 'restore-data', 'check-boot'] as const),
  'remove-source',
  ...(['move-disks', 'create-vm', 'attach-disks', 'remove-staging-resource-group'] as const),
];
const PLACE = { resourceGroup: 'apps', region: 'westeurope', zone: null };

type BootWishes = Pick<RestorePlan['options'], 'bootCheck' | 'bootPattern'>;
const NO_BOOT_CHECK: BootWishes = { bootCheck: 'none' };

interface ScenePlace {
  readonly resourceGroup: string;
  readonly applianceId: string;
  readonly addressIds: readonly string[];
}

/**
 * A restore to the original location in the books, asked for by olivia and approved by arthur, whose disks are written and wait in
 * staging; and the machine that it replaces: web, with an OS disk, one data disk that is replaced and one that is kept.
 */
export class CutOverScene<C extends Cloud = MemoryCloud> {
  readonly books = new MemoryBooks({ clock: () => this.now });
  readonly others = new MemoryJournal('others');
  readonly handlers: WorkHandlers;
  restoreId = '';
  /** By the books' own clock. */
  now = new Date('2026-02-01T10:00:00Z');
  /** As it was found. */
  source!: CloudVm;
  readonly disks = new Map<string, CloudDisk>();

  private constructor(
    readonly cloud: C,
    private readonly place: ScenePlace,
  ) {
    this.handlers = this.#makeHandlers();
  }

  static async ready(
    powerState: 'running' | 'deallocated' = 'running',
    { bootCheck = NO_BOOT_CHECK, isApproved = true }: { bootCheck?: BootWishes; isApproved?: boolean } = {},
  ): Promise<CutOverScene> {
    const cloud = new MemoryCloud({ applianceId: APPLIANCE });
    const scene = new CutOverScene(cloud, { resourceGroup: 'apps', applianceId: APPLIANCE, addressIds: [] });
    await scene.#makeSource(powerState);
    await scene.#transfer(bootCheck);
    if (isApproved) await scene.approve();
    return scene;
  }

  /** Of a VM that somebody has made: its disks by their names in the test, and those of them that are replaced. */
  static async of<C extends Cloud>(
    cloud: C,
    place: ScenePlace,
    source: CloudVm,
    disks: ReadonlyMap<string, CloudDisk>,
    bootCheck: BootWishes = NO_BOOT_CHECK,
  ): Promise<CutOverScene<C>> {
    const scene = new CutOverScene(cloud, place);
    scene.source = source;
    for (const [name, disk] of disks) scene.disks.set(name, disk);
    await scene.#transfer(bootCheck);
    await scene.approve();
    return scene;
  }

  async approve(): Promise<void> {
    const { planHash } = await this.restore();
    await requestApproval(this.books, this.restoreId, 'arthur', { planHash: planHash ?? '' });
  }

  async restore(): Promise<LockedRestore> {
    return (await this.books.restore(this.restoreId))!;
  }

  /** The VM under the name of the source, whichever it is. */
  vm(this: CutOverScene): CloudVm | undefined {
    return this.cloud.subscription.vms.get(this.source.azureId.toLowerCase());
  }

  async disk(name: string): Promise<CloudDisk | null> {
    return this.cloud.reader.disk(this.cloud.reader.diskId('apps', name));
  }

  /** Those that stand, by their names in the books of the test. */
  async standing(): Promise<string[]> {
    const found = await Promise.all(
      [...this.disks].map(async ([name, { azureId, uniqueId }]) => {
        const disk = await this.cloud.reader.disk(azureId);
        return disk?.uniqueId === uniqueId ? [name] : [];
      }),
    );
    return found.flat();
  }

  async state(): Promise<[state: string, code: string | undefined]> {
    const { state, error } = await this.restore();
    return [state, error?.code];
  }

  async events(): Promise<string[]> {
    return (await this.books.events(this.restoreId)).map(({ type }) => type);
  }

  async openChanges(): Promise<string[]> {
    return (await this.books.openChanges(this.restoreId)).map(({ what }) => what);
  }

  /** What is to be run next, as the reconciler finds it; null: nothing. */
  async next(): Promise<WorkRun | null> {
    const [run = null] = await this.books.runnable();
    return run;
  }

  /** Runs one work as its service does. */
  async run(work: string): Promise<RunEnd> {
    const run = await this.next();
    assert.equal(run?.work, work);
    return this.#runOne(run);
  }

  /** Everything that is to be run, until nothing is. Returns which works it was. */
  async runAll(limit = 50): Promise<string[]> {
    const all: string[] = [];
    for (let run = await this.next(); run !== null && all.length < limit; run = await this.next()) {
      all.push(run.work);
      await this.#runOne(run);
    }
    return all;
  }

  #runOne(run: WorkRun): Promise<RunEnd> {
    return runWork(this.books, this.handlers, run, new AbortController().signal, (error) => {
      // Nothing of its outcome is recorded then.
      if (error instanceof SimulatedCrash) throw error;
    });
  }

  journal({ work, epoch }: WorkRun): CallJournal {
    return this.books.journal(this.restoreId, work, epoch);
  }

  groups(this: CutOverScene): readonly string[] {
    return [...this.cloud.subscription.groups.values()].map(({ name }) => name).filter((name) => name !== 'apps');
  }

  #makeHandlers() {
    const { cloud, books } = this;
    const secrets = createSecretBox(new Secret('07'.repeat(32)));
    const { applianceId } = this.place;
    const ports = { cloud, books, secrets, applianceId, lookEveryMs: 0, looksForIntended: [0] };
    const workers = new MemoryWorkerRegistry();
    return {
      'check-boot': checkBoot(ports),
      'remove-source': removeSource(ports),
      'move-disks': moveDisks(ports),
      'create-vm': recreateVm(ports),
      'attach-disks': attachDisks({ cloud, books, endAccess: async () => undefined }),
      'remove-staging-resource-group': removeStaging(ports),
      'bring-source-back': bringSourceBack(ports),
      purge: purge(ports),
      'remove-created': cleanUp({
        ...{ ...ports, workers, doors: new MemoryWorkerDoors(), diskAccesses: new MemoryDiskAccesses() },
        ...nothingArchived(),
      }),
    };
  }

  /** Somebody attaches one more disk to the machine that is replaced. Returns its ID. */
  async attachToSource(name: string, lun: number): Promise<string> {
    const { cloud, others } = this;
    const made = { ...PLACE, tags: {}, role: 'theirs', purpose: 'result' as const };
    const spec = { ...made, name, sizeBytes: GIB, sku: 'Premium_LRS', os: null };
    const { azureId } = await cloud.disks.ensureEmpty(spec, others);
    await cloud.machines.attach(this.source.azureId, [{ diskId: azureId, lun, caching: 'None' }], others);
    return azureId;
  }

  /** Somebody detaches what the machine of that name has at a LUN. */
  async detachFromMachine(lun: number): Promise<void> {
    const { azureId, dataDisks } = (await this.cloud.reader.vm(this.source.azureId))!;
    const { diskId } = dataDisks.find((disk) => disk.lun === lun)!;
    await this.cloud.machines.detach(azureId, [diskId], this.others);
  }

  async #makeSource(powerState: 'running' | 'deallocated'): Promise<void> {
    const { cloud, others } = this;
    const made = { ...PLACE, tags: { team: 'shop' }, role: 'theirs', purpose: 'result' as const };
    const nic = await cloud.network.ensureNic({ ...made, name: 'web-nic', subnetId: SUBNET, privateIp: null }, others);
    for (const name of ['os', 'data', 'kept']) {
      const os = name === 'os' ? { family: 'linux' as const, generation: 2 as const } : null;
      const spec = { ...made, name: `web-${name}`, sizeBytes: GIB, sku: 'Premium_LRS', os };
      this.disks.set(name, await cloud.disks.ensureEmpty(spec, others));
    }
    const caching = 'ReadOnly' as const;
    const { azureId } = await cloud.machines.ensure(
      {
        ...{ ...made, name: 'web', size: 'Standard_F2s_v2', nicId: nic.azureId },
        osDisk: { diskId: this.#idOf('os'), family: 'linux', caching: 'ReadWrite' },
        dataDisks: [
          { diskId: this.#idOf('data'), lun: 0, caching },
          { diskId: this.#idOf('kept'), lun: 5, caching },
        ],
      },
      others,
    );
    if (powerState === 'deallocated') await cloud.machines.deallocate(azureId, others);
    this.source = { ...(await cloud.reader.vm(azureId))! };
  }

  async #transfer(bootCheck: BootWishes): Promise<void> {
    const { books, cloud } = this;
    const order = { request: aRestoreRequest(), requestedBy: 'olivia' };
    this.restoreId = (await requestRestore(books, order)).restoreId;
    const { restoreId } = this;
    const plan = this.#plan(bootCheck);
    await this.#does('plan', async () => {
      await books.transaction(async (tx) => {
        await tx.lockRestore(restoreId);
        await tx.storePlan(restoreId, plan);
      });
      return { planHash: plan.planHash };
    });
    const staging = {
      region: this.source.region,
      tags: this.#tags('staging'),
      role: 'staging',
      purpose: 'help' as const,
    };
    await this.#does('create-staging-resource-group', async (run) => {
      const name = `landfall-staging-${restoreId}`;
      const group = await cloud.groups.ensure({ ...staging, name }, books.journal(restoreId, run.work, run.epoch));
      return { resourceGroupId: group.azureId };
    });
    await this.#does('create-empty-disks', async (run) => {
      const disks = [];
      for (const { name, azureName, role } of plan.disks) {
        const os = role === 'os' ? { family: 'linux' as const, generation: 2 as const } : null;
        const made = await cloud.disks.ensureEmpty(
          {
            ...{
              region: this.source.region,
              zone: null,
              resourceGroup: `landfall-staging-${restoreId}`,
              name: `${azureName}-${restoreId}`,
              os,
            },
            ...{
              sizeBytes: GIB,
              sku: this.disks.get(name)?.sku ?? 'Premium_LRS',
              tags: this.#tags('disk'),
              role: 'disk',
              purpose: 'result' as const,
            },
          },
          books.journal(restoreId, run.work, run.epoch),
        );
        await books.transaction(async (tx) => {
          await tx.lockRestore(restoreId);
          await tx.setDiskAzureId(restoreId, name, made.azureId);
        });
        disks.push({ name, azureId: made.azureId, uniqueId: made.uniqueId });
      }
      return { disks };
    });
    await this.#does('restore-data', async () => {
      await books.transaction(async (tx) => {
        await tx.lockRestore(restoreId);
        const range = { restoreId, index: 0, offsetBytes: 0, lengthBytes: 512 };
        await tx.createSegments(
          plan.disks.flatMap(({ name }) =>
            (['move', 'verify'] as const).map((purpose) => ({ ...range, diskName: name, purpose })),
          ),
        );
        for (const { id, epoch } of await tx.segments(restoreId, {})) {
          await tx.moveSegment(id, { from: 'pending', epoch }, 'done');
        }
      });
      return { segments: 2, bytesMoved: 1_024, bytesVerified: 1_024 };
    });
  }

  async #does(work: StepId, effect: (run: WorkRun) => Promise<unknown>): Promise<void> {
    const run = await this.next();
    assert.equal(run?.work, work);
    assert.ok(await beginWork(this.books, run));
    const output = await effect(run);
    assert.ok(await recordOutcome(this.books, run, { kind: 'done', output }));
  }

  #plan(boot: BootWishes): RestorePlan {
    const steps = boot.bootCheck === 'none' ? STEPS.filter((id) => id !== 'check-boot') : STEPS;
    const plan = aRestorePlan({ steps });
    const [disk] = plan.disks;
    assert.ok(disk);
    const { name: vmName, region, size } = this.source;
    const data = {
      ...disk,
      name: 'data',
      from: 'disk:data' as const,
      role: 'data' as const,
      lun: this.#lunOf('data'),
      azureName: 'web-data',
      caching: 'ReadOnly' as const,
    };
    return {
      ...plan,
      destination: {
        ...{ ...plan.destination, kind: 'original', region, zone: null, vmName, size },
        resourceGroup: this.place.resourceGroup,
        stagingResourceGroup: 'landfall-staging',
      },
      source: this.#replaced(),
      disks: [{ ...disk, name: 'os', azureName: 'web-os' }, data],
      workers: [],
      estimates: { ...plan.estimates, outageSeconds: 600 },
      options: { ...plan.options, ...boot, maxStopSeconds: 4 * 3_600 },
    };
  }

  #replaced(): ReplacedVm {
    const { azureId, instanceId, powerState, nicIds } = this.source;
    const place = (name: string, replacedBy: string | null) => {
      const lun = this.#lunOf(name);
      const { azureId: diskId, uniqueId } = this.disks.get(name)!;
      return {
        azureId: diskId,
        uniqueId,
        lun,
        caching: lun === null ? ('ReadWrite' as const) : ('ReadOnly' as const),
        replacedBy,
      };
    };
    const disks = [place('os', 'os'), place('data', 'data'), place('kept', null)];
    return { azureId, instanceId, powerState, disks, nicIds, addressIds: this.place.addressIds };
  }

  #lunOf(name: string): number | null {
    const id = this.#idOf(name).toLowerCase();
    return this.source.dataDisks.find(({ diskId }) => diskId.toLowerCase() === id)?.lun ?? null;
  }

  #tags(role: 'staging' | 'disk') {
    return ownerTags(this.place.applianceId, this.restoreId, role);
  }

  #idOf(name: string): string {
    return this.disks.get(name)?.azureId ?? '';
  }
}

/** Runs all; the process dies at the n-th boundary between books and Azure, and another one goes on. Returns whether it died. */
export async function diesOnce(scene: CutOverScene, boundary: number): Promise<boolean> {
  const died = await dies(scene, boundary);
  await goOn(scene);
  return died;
}

/** As `diesOnce`, and nobody goes on. */
export async function dies(scene: CutOverScene, boundary: number): Promise<boolean> {
  const { books } = scene;
  const journal = books.journal.bind(books);
  let left = boundary;
  const between = async <T>(call: () => Promise<T>): Promise<T> => {
    const meet = (): void => {
      if (left-- === 0) throw new SimulatedCrash('The process dies.');
    };
    meet();
    const result = await call();
    meet();
    return result;
  };
  books.journal = (...of: Parameters<typeof journal>): CallJournal => {
    const inner = journal(...of);
    return {
      ownerId: inner.ownerId,
      begin: (intent) => between(() => inner.begin(intent)),
      submitted: (key, state) => between(() => inner.submitted(key, state)),
      succeeded: (key, result) => between(() => inner.succeeded(key, result)),
      failed: (key, error) => between(() => inner.failed(key, error)),
    };
  };
  try {
    await scene.runAll();
    return false;
  } catch (error) {
    if (!(error instanceof SimulatedCrash)) throw error;
    return true;
  } finally {
    books.journal = journal;
  }
}

/** As the reconciler does with what a dead process has left. */
export async function goOn(scene: CutOverScene): Promise<void> {
  for (const run of await scene.books.runnable()) if (run.state === 'running') await redispatch(scene.books, run);
  await scene.runAll();
}
