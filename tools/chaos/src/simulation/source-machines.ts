import { resourceId, tagOf, OWNER_TAGS, type ReplacedVm } from '@landfall/domain';
import type { MachineDisk, MachineState, SourceEvidence } from '@landfall/testing';
import type { Asker, MemoryAzure } from './azure/memory-azure.js';
import { fresh, type AnyResource, type DiskResource, type NicResource, type VmResource } from './azure/resources.js';
import { SimulatedSource, type DiskContents } from './contents.js';
import type { Kernel } from './kernel.js';
import type { SharedBooks } from './shared-books.js';

/*
 * Machines that somebody has, which restores to the original location replace: as they are planted, what people do to them at
 * Azure's portal meanwhile, and what the oracle is told of them.
 */
export interface SourceWish {
  readonly resourceGroup: string;
  /** Of the VM; its disks are named after it. */
  readonly name: string;
  readonly subnetId: string;
  /** Those that a restore replaces, by their names in its plan, the OS disk first; null: kept. */
  readonly disks: readonly {
    readonly replacedBy: string | null;
    readonly lun: number | null;
    readonly sizeBytes: number;
  }[];
}

interface SourceMachine {
  readonly vmId: string;
  readonly instanceId: string;
  found: MachineState;
  wasStarted: boolean;
  /** By somebody, at the portal. */
  wasRemoved: boolean;
  readonly disks: { azureId: string; uniqueId: string; lun: number | null; isLate: boolean }[];
  readonly azureIds: string[];
  readonly removals: { azureId: string; number: string; at: Date }[];
}

const FREE_LUN = 9;
const LOOKS_AT_HAND_WORK = 200;

export class SourceMachines {
  readonly #machines = new Map<string, SourceMachine>();
  /** By Azure's number: what disks held that are gone. */
  readonly #last = new Map<string, string>();
  #made = 0;

  constructor(
    private readonly kernel: Kernel,
    private readonly azure: MemoryAzure,
    private readonly contents: DiskContents,
    private readonly shared: SharedBooks,
  ) {
    azure.onDelete = (resource, by) => this.#deleted(resource, by);
  }

  /** Of any disk, before anything else is made under its ID. */
  gone(disk: DiskResource): void {
    this.#last.set(disk.uniqueId, this.contents.stateOf(disk.id));
  }

  /** A machine as somebody has made it long ago. */
  plant({ resourceGroup, name, subnetId, disks }: SourceWish): ReplacedVm {
    const { random } = this.kernel;
    const { subscriptionId } = this.azure;
    const idOf = (kind: 'vm' | 'disk' | 'nic', named: string) => resourceId(subscriptionId, resourceGroup, kind, named);
    const vmId = idOf('vm', name);
    const nicId = idOf('nic', `${name}-nic`);
    const power = random.chance(0.8) ? 'running' : 'deallocated';
    const tags = { team: 'shop', owner: 'somebody' };
    const planted = disks.map(({ replacedBy, sizeBytes }): DiskResource => {
      const own = `${name}-${replacedBy ?? 'kept'}`;
      const source = SimulatedSource.byChance(`${own} as it was`, sizeBytes, random);
      this.contents.durable.set(idOf('disk', own).toLowerCase(), source.blocks);
      return {
        ...{ ...fresh(idOf('disk', own), { tags }), kind: 'disk', provisioningState: 'Succeeded', sizeBytes },
        ...{ uniqueId: `unique-${own}`, sku: 'Premium_LRS', diskState: 'Attached', managedBy: vmId },
        ownershipUpdatedAt: new Date(this.kernel.now - 86_400_000).toISOString(),
      };
    });
    const nic: NicResource = {
      ...{ ...fresh(nicId, { tags }), kind: 'nic', provisioningState: 'Succeeded', subnetId, vmId },
      ...{ address: `10.0.0.${100 + this.#machines.size}`, guid: `guid-${name}` },
      allocation: random.pick(['Dynamic', 'Static']),
    };
    const vm: VmResource = {
      ...{ ...fresh(vmId, { tags }), kind: 'vm', provisioningState: 'Succeeded', instanceId: `theirs-${name}` },
      ...{ size: 'Standard_B2s', customData: '', environment: {}, osDiskId: planted[0]!.id, nicId, power },
      osDiskGoesAlong: random.chance(0.5),
      dataDisks: planted.flatMap(({ id }, place) => {
        const lun = disks[place]?.lun ?? null;
        return lun === null ? [] : [{ diskId: id, lun }];
      }),
    };
    for (const each of [...planted, nic, vm]) this.azure.plant(each);
    this.#machines.set(vmId.toLowerCase(), {
      ...{ vmId, instanceId: vm.instanceId, found: this.#stateOf(vm), wasStarted: false },
      ...{ wasRemoved: false, removals: [] },
      disks: planted.map(({ id, uniqueId }, place) => ({
        ...{ azureId: id, uniqueId, lun: disks[place]?.lun ?? null, isLate: false },
      })),
      azureIds: [vmId, nicId, ...planted.map(({ id }) => id)],
    });
    const replaced = planted.map(({ id, uniqueId }, place) => {
      const { lun = null, replacedBy = null } = disks[place] ?? {};
      return { azureId: id, uniqueId, lun, replacedBy, caching: 'None' as const };
    });
    const { instanceId } = vm;
    return { azureId: vmId, instanceId, powerState: power, disks: replaced, nicIds: [nicId], addressIds: [] };
  }

  /** Somebody turns a source on. */
  start(): void {
    const machine = this.#any();
    const vm = machine && this.#source(machine);
    if (machine === undefined || vm === undefined || vm.power === 'running') return;
    if (this.#asks('POST', `${vm.id}/start`)) machine.wasStarted = true;
  }

  /** Somebody attaches one more disk to a source. */
  attach(): void {
    const machine = this.#any();
    const vm = machine && this.#source(machine);
    if (machine === undefined || vm === undefined || machine.disks.some(({ isLate }) => isLate)) return;
    const id = `${vm.osDiskId}-late`;
    const uniqueId = `unique-${vm.name}-late`;
    this.azure.plant({
      ...{ ...fresh(id, { tags: {} }), kind: 'disk', provisioningState: 'Succeeded', sizeBytes: 2 ** 30 },
      ...{ uniqueId, sku: 'Premium_LRS', diskState: 'Unattached', managedBy: null },
    });
    machine.azureIds.push(id);
    const body = { dataDisksToAttach: [{ diskId: id, lun: FREE_LUN }] };
    if (!this.#asks('POST', `${vm.id}/attachDetachDataDisks`, body)) return;
    this.#soon(
      () => this.#disk(id)?.managedBy === vm.id,
      () => {
        // Whoever has asked for it twice has attached it once.
        if (machine.disks.some((disk) => disk.azureId === id)) return;
        machine.disks.push({ azureId: id, uniqueId, lun: FREE_LUN, isLate: true });
        machine.found = { ...machine.found, disks: this.#stateOf(vm).disks };
      },
    );
  }

  /** Somebody removes a source, if it stands, and makes another machine under its name, around its disk and network interface. */
  recreate(): void {
    const machine = this.#any();
    if (machine === undefined) return;
    const { vmId, azureIds } = machine;
    const there = this.#vm(vmId);
    // Of what Landfall has made nobody takes the name.
    if (there !== undefined && (there.instanceId !== machine.instanceId || !this.#asks('DELETE', vmId))) return;
    if (there !== undefined) machine.wasRemoved = true;
    const isGone = (): boolean => this.#vm(vmId) === undefined;
    this.#soon(isGone, () => {
      const nicId = azureIds.find((id) => this.azure.resources.get(id.toLowerCase())?.kind === 'nic') ?? '';
      const osDiskId = machine.disks[0]?.azureId ?? '';
      const own = this.#disk(osDiskId);
      const id = own === undefined || own.managedBy !== null ? this.#plantDisk(machine) : osDiskId;
      const storageProfile = { osDisk: { createOption: 'Attach', managedDisk: { id } } };
      const networkProfile = { networkInterfaces: [{ id: nicId }] };
      const properties = { hardwareProfile: { vmSize: 'Standard_B2s' }, storageProfile, networkProfile };
      this.#asks('PUT', vmId, { location: 'westeurope', tags: { made: 'by hand' }, properties });
    });
  }

  /** Somebody locks a source against deletion. */
  lock(): void {
    const machine = this.#any();
    if (machine === undefined) return;
    const lock = { scope: machine.vmId, name: 'keep', level: 'CanNotDelete' as const };
    this.azure.locks = [...this.azure.locks, lock];
  }

  unlock(): void {
    this.azure.locks = [];
  }

  /** Somebody removes again what they have made under the name of this source. */
  makeRoom(vmId: string): void {
    if (this.#isOthers(vmId)) this.#asks('DELETE', vmId);
  }

  async evidence(restoreId: string, vmId: string): Promise<SourceEvidence | null> {
    const machine = this.#machines.get(vmId.toLowerCase());
    if (machine === undefined) return null;
    const { books } = this.shared;
    const { found, wasStarted, azureIds, removals } = machine;
    const vm = this.#vm(vmId);
    const hasCutOver = ((await books.restore(restoreId))?.cutOverAt ?? null) !== null;
    const openChanges = (await books.openChanges(restoreId)).map(({ what, azureId }) => `${what} of ${azureId}`);
    return {
      ...{ restoreId, found, wasStarted, azureIds, removals, openChanges },
      now: vm === undefined ? null : this.#stateOf(vm),
      // Nor is it Landfall's that theirs has come to nothing.
      isOthers: this.#isOthers(vmId) || (vm === undefined && machine.wasRemoved && !hasCutOver),
      disks: machine.disks.map((disk) => ({ ...disk, ...this.#whatIsLeftOf(disk) })),
      hasModel: (await books.sourceRecord(restoreId)) !== null,
    };
  }

  #whatIsLeftOf({ azureId, uniqueId }: { azureId: string; uniqueId: string }) {
    const stands = this.#disk(azureId)?.uniqueId === uniqueId;
    const copies = [...this.azure.resources.values()].flatMap((each) =>
      each.kind === 'snapshot' && each.provisioningState === 'Succeeded' && each.sourceId === azureId
        ? [this.contents.stateOf(each.id)]
        : [],
    );
    return { stands, last: stands ? this.contents.stateOf(azureId) : (this.#last.get(uniqueId) ?? 'unknown'), copies };
  }

  #stateOf({ instanceId, power, tags, osDiskId, dataDisks, osDiskGoesAlong, nicId }: VmResource): MachineState {
    const nic = this.azure.resources.get(nicId.toLowerCase());
    const allocation = nic?.kind === 'nic' ? nic.allocation : 'none';
    const disks = [{ diskId: osDiskId, lun: null }, ...dataDisks].map(({ diskId, lun }): MachineDisk => ({
      ...{ azureId: diskId, lun, uniqueId: this.#disk(diskId)?.uniqueId ?? 'gone' },
      madeAs: this.contents.madeAs(diskId),
    }));
    const inOrder = Object.fromEntries(Object.entries(tags).sort(([left], [right]) => (left < right ? -1 : 1)));
    const settings = { parts: `${osDiskGoesAlong ? 'Delete' : 'Detach'}, ${allocation}`, nics: nicId.toLowerCase() };
    return { instanceId, power, tags: inOrder, disks, settings };
  }

  #deleted(resource: AnyResource, by: Asker): void {
    if (by === 'somebody' || tagOf(resource.tags, OWNER_TAGS.appliance) !== null) return;
    const machine = [...this.#machines.values()].find(({ azureIds }) =>
      azureIds.some((id) => id.toLowerCase() === resource.id.toLowerCase()),
    );
    if (machine === undefined) return;
    const number = resource.kind === 'vm' ? resource.instanceId : resource.kind === 'disk' ? resource.uniqueId : '';
    machine.removals.push({ azureId: resource.id, number, at: new Date(this.kernel.now) });
  }

  #plantDisk(machine: SourceMachine): string {
    const id = `${machine.disks[0]!.azureId}-by-hand-${++this.#made}`;
    this.azure.plant({
      ...{ ...fresh(id, { tags: {} }), kind: 'disk', provisioningState: 'Succeeded', sizeBytes: 2 ** 30 },
      ...{ uniqueId: `unique-${id}`, sku: 'Premium_LRS', diskState: 'Unattached', managedBy: null },
    });
    machine.azureIds.push(id);
    return id;
  }

  #any(): SourceMachine | undefined {
    return this.kernel.random.pick([...this.#machines.values()]);
  }

  #source({ vmId, instanceId }: SourceMachine): VmResource | undefined {
    const vm = this.#vm(vmId);
    return vm?.instanceId === instanceId ? vm : undefined;
  }

  #isOthers(vmId: string): boolean {
    const vm = this.#vm(vmId);
    const machine = this.#machines.get(vmId.toLowerCase());
    if (vm === undefined || machine === undefined || vm.instanceId === machine.instanceId) return false;
    return tagOf(vm.tags, OWNER_TAGS.appliance) === null;
  }

  #vm(id: string): VmResource | undefined {
    const found = this.azure.resources.get(id.toLowerCase());
    return found?.kind === 'vm' ? found : undefined;
  }

  #disk(id: string): DiskResource | undefined {
    const found = this.azure.resources.get(id.toLowerCase());
    return found?.kind === 'disk' ? found : undefined;
  }

  /** Whether Azure takes it. */
  #asks(method: string, path: string, body: Record<string, unknown> = {}): boolean {
    const { status } = this.azure.handle({ method, path, query: new URLSearchParams(), body }, 'somebody');
    this.kernel.say(`somebody: ${method} ${path}, ${status}`);
    return status < 300;
  }

  /** What somebody does next, once Azure has done what they have asked for before; not at all, if it does not. */
  #soon(isSo: () => boolean, then: () => void, looks = LOOKS_AT_HAND_WORK): void {
    if (looks === 0) return;
    this.kernel.schedule(500, 'somebody looks', null, () => (isSo() ? then() : this.#soon(isSo, then, looks - 1)));
  }
}
