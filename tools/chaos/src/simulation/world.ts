import { OWNER_TAGS, resourceId, tagOf, type RestorePlan } from '@landfall/domain';
import type { KeptReport } from '@landfall/data-mover/queue/kept-reports';
import type { DiskComparison, Evidence, FailedDisk, Fingerprint, InventoryItem, Violation } from '@landfall/testing';
import { historiesOf } from '@landfall/testing';
import { ApiWire } from './api-wire.js';
import { StateFolder } from './kept-reports.js';
import { MemoryAzure } from './azure/memory-azure.js';
import type { AnyResource, DiskResource, VmResource } from './azure/resources.js';
import { violationsOfCopy } from './boot-copies.js';
import { SimulatedWire } from './azure/transport.js';
import { digestOf, DiskContents, NO_DISK_FAULTS, type DiskFaults } from './contents.js';
import { Gates } from './gates.js';
import { Kernel, type Process } from './kernel.js';
import { Machine, startPoolMover } from './mover.js';
import { RESTORED_GROUP, type Order } from './orders.js';
import { MemoryQueues } from './queues.js';
import { APPLIANCE, startService, type SimulatedService } from './services.js';
import { People } from './people.js';
import { SharedBooks } from './shared-books.js';
import { SourceMachines } from './source-machines.js';
import type { Surroundings } from './surroundings.js';

/** Of each service, and of the pool's data-movers. */
const OF_EACH = 2;
export const SERVICES: readonly SimulatedService[] = ['api', 'planner', 'provisioner', 'finalizer'];
const SUBSCRIPTION = '00000000-0000-4000-8000-000000000001';
/** Secrets that are planted: none may come to light. */
const CANARIES = ['canary-azure-token', 'canary-sas'];

/** Everything that a run takes place in. */
export class World implements Surroundings {
  readonly kernel: Kernel;
  readonly gates: Gates;
  readonly queues: MemoryQueues;
  readonly azure: MemoryAzure;
  readonly wire: SimulatedWire;
  readonly shared: SharedBooks;
  readonly contents = new DiskContents();
  readonly apis: ApiWire;
  readonly diskFaults: DiskFaults = { ...NO_DISK_FAULTS };
  /** Verdicts that somebody holds, or has told: by segment and epoch. */
  readonly #found = new Map<string, FailedDisk>();
  /** Verdicts that work has come to, by data-mover, segment and epoch: not yet kept, nor told. */
  readonly #cameTo = new Map<string, KeptReport>();
  readonly #poolFolders = new Map<number, StateFolder>();
  readonly logs: string[] = [];
  readonly machines = new Map<string, Machine>();
  /** What was found of the machines of boot checks. */
  readonly ofCopies: Violation[] = [];
  readonly sources: SourceMachines;
  /** By their restores. */
  readonly people = new Map<string, People>();
  readonly orders = new Map<string, Order>();
  readonly services = new Map<string, Process>();
  /** How long a service takes to come back. */
  restartMs: [least: number, most: number] = [300, 15_000];
  #foreign: readonly Fingerprint[] = [];

  constructor(seed: number) {
    this.kernel = new Kernel(seed);
    this.gates = new Gates(this.kernel);
    this.queues = new MemoryQueues(this.kernel);
    this.azure = new MemoryAzure(this.kernel, SUBSCRIPTION);
    this.wire = new SimulatedWire(this.gates, this.azure);
    this.shared = new SharedBooks(this.gates);
    this.apis = new ApiWire(this.gates);
    this.azure.plantPlace(RESTORED_GROUP);
    this.#foreign = [...this.azure.resources.values()].map(printOf);
    this.sources = new SourceMachines(this.kernel, this.azure, this.contents, this.shared);
    this.azure.onPower = (vm, running, changes) => this.#power(vm, running, changes);
    this.azure.onBytes = {
      made: (id, from) => this.contents.make(id, from),
      moved: (from, to) => this.contents.move(from, to),
      gone: (disk) => this.sources.gone(disk),
    };
  }

  get subnetId(): string {
    return `${this.azure.networks[0]!.id}/subnets/machines`;
  }

  /** The data-movers of all workers. */
  get movers(): readonly Process[] {
    return [...this.machines.values()].flatMap((machine) => machine.movers);
  }

  start(): void {
    for (let number = 0; number < OF_EACH; number++) {
      for (const service of SERVICES)
        this.#keepAlive(`${service}-${number}`, () => startService(this, service, number));
      this.#keepAlive(`pool-${number}`, () => startPoolMover(this, number));
    }
  }

  /** The processes of a service. */
  servicesOf(service: SimulatedService): readonly Process[] {
    return this.#named(`${service}-`);
  }

  get poolMovers(): readonly Process[] {
    return this.#named('pool-');
  }

  poolFolder(number: number): StateFolder {
    const folder = this.#poolFolders.get(number) ?? new StateFolder();
    this.#poolFolders.set(number, folder);
    return folder;
  }

  found({ segmentId, report }: KeptReport): void {
    const { result, restoreId, epoch } = report;
    const diskName = this.shared.diskOf(segmentId);
    if (result.kind !== 'failed' || diskName === null || !this.shared.isMoving(restoreId)) return;
    this.#found.set(`${segmentId} ${epoch}`, { restoreId, diskName, code: result.code });
  }

  cameTo(kept: KeptReport): void {
    this.#cameTo.set(`${kept.report.mover} ${kept.segmentId} ${kept.report.epoch}`, kept);
  }

  tells(mover: string, segmentId: string, epoch: number): void {
    const verdict = this.#cameTo.get(`${mover} ${segmentId} ${epoch}`);
    if (verdict !== undefined) this.found(verdict);
  }

  /** Nobody knows of it any more; which is no excuse where the data was taken for good, and its worker removed for that. */
  forget({ segmentId, report }: KeptReport): void {
    if (!this.shared.isTransferred(report.restoreId)) this.#found.delete(`${segmentId} ${report.epoch}`);
  }

  orderOf(restoreId: string): Order {
    const order = this.orders.get(restoreId);
    if (order === undefined) throw new Error(`nobody asked for restore ${restoreId}`);
    return order;
  }

  isReachable(diskId: string, from: VmResource | string, what: 'write' | 'read'): boolean {
    const disk = this.azure.resources.get(diskId.toLowerCase());
    if (disk?.kind !== 'disk') return false;
    if (typeof from !== 'string') return disk.managedBy === from.id && from.power === 'running';
    if (disk.accessSas !== from) return false;
    return disk.diskState === 'ActiveUpload' || (what === 'read' && disk.diskState === 'ActiveSAS');
  }

  /** Disks of restores that go on, whose access in the books is none that Azure knows. */
  async voidAccesses(): Promise<readonly string[]> {
    const found: string[] = [];
    for (const { id, state, disks } of await this.shared.books.restores()) {
      for (const { name, azureId } of state === 'running' ? disks : []) {
        const access = await this.shared.accesses.access(id, name);
        const disk = azureId === null ? undefined : this.azure.resources.get(azureId.toLowerCase());
        if (access === null || disk?.kind !== 'disk') continue;
        if (disk.accessSas !== this.shared.reveal(access)) found.push(`${id} ${name}`);
      }
    }
    return found;
  }

  /** A restore is asked for, as it is told here. */
  enter(restoreId: string, order: Order): void {
    this.orders.set(restoreId, order);
    this.plantForeign(order.plan, restoreId);
    if (order.intentions === undefined) return;
    this.people.set(restoreId, new People(this.kernel, this.shared, restoreId, order.intentions));
  }

  /** Things of other people, some of them named as Landfall's would be. */
  plantForeign(plan: RestorePlan, restoreId: string): void {
    const idOf = (name: string): string => resourceId(SUBSCRIPTION, RESTORED_GROUP, 'disk', name);
    const tagged = { 'landfall-appliance': 'appliance-2', 'landfall-restore': restoreId, 'landfall-role': 'disk' };
    const named: readonly { name: string; tags: Record<string, string> }[] = [
      { name: `landfall-worker-${restoreId}-9-os`, tags: {} },
      { name: `${plan.disks[0]?.azureName ?? 'web'}-${restoreId}-copy`, tags: tagged },
      { name: 'somebody-elses', tags: { owner: 'somebody' } },
    ];
    const theirs = named.map(({ name, tags }): DiskResource => ({
      ...{ id: idOf(name), name, tags, kind: 'disk', provisioningState: 'Succeeded', hiddenUntil: 0 },
      ...{ sizeBytes: 2 ** 30, sku: 'Premium_LRS', location: 'westeurope', diskState: 'Unattached', managedBy: null },
      uniqueId: `planted-${name}`,
    }));
    if (this.kernel.random.chance(0.08)) {
      // In the way of the restore, by its very name.
      const name = this.kernel.random.pick(plan.disks)?.azureName ?? 'web';
      theirs.push({ ...theirs[0]!, id: idOf(`${name}-${restoreId}`), name: `${name}-${restoreId}`, tags: {} });
    }
    for (const each of theirs) this.azure.plant(each);
    this.#foreign = [...this.#foreign, ...theirs.map(printOf)];
  }

  async evidence(settled: boolean): Promise<Evidence> {
    const restores = await historiesOf(this.shared.books);
    const sources = await Promise.all(
      restores.map(async ({ restore: { id } }) => {
        const replaced = this.orders.get(id)?.plan.source;
        return replaced === undefined ? null : this.sources.evidence(id, replaced.azureId);
      }),
    );
    const resources = [...this.azure.resources.values()];
    return {
      applianceId: APPLIANCE,
      settled,
      restores,
      inventory: resources.map(({ id, kind, tags }): InventoryItem => ({ azureId: id, kind, tags })),
      foreign: { before: this.#foreign, after: resources.map(printOf) },
      sources: sources.filter((each) => each !== null),
      disks: restores.flatMap(({ restore }) => this.#compare(restore.id, restore.disks)),
      failedForGood: [...this.#found.values(), ...(await this.shared.verdictsInTime())],
      diskAccesses: this.contents.log,
      texts: [
        { where: 'the logs', text: this.logs.join('\n') },
        { where: 'Redis', text: this.queues.seen.join('\n') },
        { where: 'the database', text: JSON.stringify([restores, ...this.shared.written]) },
      ],
      canaries: CANARIES,
    };
  }

  #compare(restoreId: string, disks: readonly { name: string; azureId: string | null }[]): DiskComparison[] {
    const order = this.orders.get(restoreId);
    return disks.flatMap(({ name, azureId }) => {
      const source = order?.sources.get(name);
      if (source === undefined || azureId === null) return [];
      const actual = digestOf(this.contents.onDisk(azureId));
      return [{ restoreId, diskName: name, expected: digestOf(source.blocks), actual }];
    });
  }

  #named(prefix: string): Process[] {
    return [...this.services].flatMap(([name, process]) => (name.startsWith(prefix) && process.alive ? [process] : []));
  }

  #keepAlive(name: string, start: () => Process): void {
    const process = start();
    this.services.set(name, process);
    process.atDeath.push(() => {
      const afterMs = this.kernel.random.between(...this.restartMs);
      this.kernel.schedule(afterMs, `${name} is started again`, null, () => this.#keepAlive(name, start));
    });
  }

  #power(vm: VmResource, running: boolean, changes: boolean): void {
    if (running && tagOf(vm.tags, OWNER_TAGS.role) === 'copy') {
      const plan = this.orders.get(tagOf(vm.tags, OWNER_TAGS.restore) ?? '')?.plan;
      this.ofCopies.push(...violationsOfCopy(this.azure, vm, plan?.source));
    }
    if (tagOf(vm.tags, OWNER_TAGS.role) !== 'worker') {
      const disks = [vm.osDiskId, ...vm.dataDisks.map(({ diskId }) => diskId)];
      for (const each of changes ? disks : []) this.contents.live(each);
      return;
    }
    const machine = this.machines.get(vm.id.toLowerCase());
    if (running && machine === undefined) this.machines.set(vm.id.toLowerCase(), new Machine(this, vm));
    if (running || machine === undefined) return;
    machine.turnOff();
    this.machines.delete(vm.id.toLowerCase());
  }
}

function printOf(resource: AnyResource): Fingerprint {
  // A group shows for a while that something is moved into it.
  const isMoving = resource.kind === 'resource-group' && resource.provisioningState === 'MovingResources';
  const settled = isMoving ? { provisioningState: 'Succeeded' } : {};
  return { azureId: resource.id, print: JSON.stringify({ ...resource, hiddenUntil: 0, ...settled }) };
}
