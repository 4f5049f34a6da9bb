import {
  OWNER_TAGS,
  PermanentError,
  ownerTags,
  resourceGroupId,
  resourceId,
  type CallIntent,
  type CallJournal,
  type Cloud,
  type CloudDisk,
  type CloudNic,
  type CloudResourceGroup,
  type CloudSubnet,
  type CloudUsage,
  type CloudVm,
  type DiskAttachment,
  type DiskSpec,
  type NicSpec,
  type OwnedResource,
  type TaggedResource,
  type VmSize,
  type VmSpec,
  type WorkerSpec,
  tagOf,
} from '@landfall/domain';
import { refuse, requireTags, underAccess } from './memory-cloud-refusals.js';
import { seedOf, type MemoryCloudSeed } from './memory-cloud-seed.js';

type Change<T> = { -readonly [Key in keyof T]: T[Key] };

/**
 * Azure in memory: the same rules as far as steps depend on them, everything at once, and no time passing. Keeps the
 * journal like the real adapter, so that ledgers can be held against what exists.
 */
export class MemoryCloud implements Cloud {
  readonly subscriptionId: string;
  readonly disks = new Map<string, Change<CloudDisk>>();
  readonly nics = new Map<string, Change<CloudNic>>();
  readonly vms = new Map<string, Change<CloudVm>>();
  /** By VM: what the worker was started with. */
  readonly environments = new Map<string, Readonly<Record<string, string>>>();
  /** Names of the methods that changed something, in order. */
  readonly changes: string[] = [];
  readonly #seed: MemoryCloudSeed;
  readonly #applianceId: string;
  readonly #failures = new Map<string, Error[]>();

  constructor(options: { applianceId?: string; seed?: Partial<MemoryCloudSeed> } = {}) {
    this.#seed = seedOf(options.seed);
    this.subscriptionId = this.#seed.subscriptionId;
    this.#applianceId = options.applianceId ?? 'appliance';
  }

  /** The next call of this method fails so, after the intent was written down. */
  failNext(method: keyof Cloud, error: Error): void {
    this.#failures.set(method, [...(this.#failures.get(method) ?? []), error]);
  }

  /** IDs of everything that exists, sorted. */
  get inventory(): readonly string[] {
    return [...this.disks.values(), ...this.nics.values(), ...this.vms.values()].map((each) => each.azureId).sort();
  }

  resourceGroupId(name: string): string {
    return resourceGroupId(this.subscriptionId, name);
  }

  vmId(resourceGroup: string, name: string): string {
    return resourceId(this.subscriptionId, resourceGroup, 'vm', name);
  }

  diskId(resourceGroup: string, name: string): string {
    return resourceId(this.subscriptionId, resourceGroup, 'disk', name);
  }

  nicId(resourceGroup: string, name: string): string {
    return resourceId(this.subscriptionId, resourceGroup, 'nic', name);
  }

  async resourceGroup(name: string): Promise<CloudResourceGroup | null> {
    const region = this.#seed.resourceGroups[name];
    if (region === undefined) return null;
    return { azureId: this.resourceGroupId(name), name, region, tags: {}, provisioningState: 'Succeeded' };
  }

  async regions(): Promise<readonly string[]> {
    return this.#seed.regions;
  }

  async sizes(_region: string): Promise<readonly VmSize[]> {
    return this.#seed.sizes;
  }

  async usages(_region: string): Promise<readonly CloudUsage[]> {
    return this.#seed.usages;
  }

  async subnet(id: string): Promise<CloudSubnet | null> {
    const subnet = this.#seed.subnets.find((each) => sameId(each.azureId, id));
    if (subnet === undefined) return null;
    return { ...subnet, usedAddresses: [...this.nics.values()].flatMap((nic) => nic.privateAddresses) };
  }

  async subnetsIn(resourceGroup: string): Promise<readonly CloudSubnet[]> {
    return this.#seed.subnets.filter((subnet) => subnet.resourceGroup === resourceGroup);
  }

  async vm(id: string): Promise<CloudVm | null> {
    return this.vms.get(id.toLowerCase()) ?? null;
  }

  async disk(id: string): Promise<CloudDisk | null> {
    return this.disks.get(id.toLowerCase()) ?? null;
  }

  async nic(id: string): Promise<CloudNic | null> {
    return this.nics.get(id.toLowerCase()) ?? null;
  }

  async tagged(name: string, value: string): Promise<readonly TaggedResource[]> {
    const kinds = [
      ['disk', this.disks],
      ['nic', this.nics],
      ['vm', this.vms],
    ] as const;
    return kinds.flatMap(([kind, resources]) =>
      [...resources.values()]
        .filter((each) => each.tags[name] === value)
        .map(({ azureId, tags }) => ({ azureId, kind, tags })),
    );
  }

  async providerRegistered(_namespace: string): Promise<boolean> {
    return true;
  }

  ensureEmptyDisk(spec: DiskSpec, journal: CallJournal): Promise<CloudDisk> {
    return this.#ensureDisk('ensureEmptyDisk', spec, 'Unattached', journal);
  }

  ensureUploadDisk(spec: DiskSpec, journal: CallJournal): Promise<CloudDisk> {
    return this.#ensureDisk('ensureUploadDisk', spec, 'ReadyToUpload', journal);
  }

  grantDiskWrite(diskId: string, _seconds: number, journal: CallJournal): Promise<string> {
    return this.#grant('grantDiskWrite', diskId, journal, /Upload$/, 'ActiveUpload');
  }

  grantDiskRead(diskId: string, _seconds: number, journal: CallJournal): Promise<string> {
    return this.#grant('grantDiskRead', diskId, journal, /^(Unattached|ActiveSAS)$/, 'ActiveSAS');
  }

  #grant(
    method: 'grantDiskWrite' | 'grantDiskRead',
    diskId: string,
    journal: CallJournal,
    from: RegExp,
    to: string,
  ): Promise<string> {
    return this.#recorded(method, { key: `${method}:${nameOf(diskId)}`, azureId: diskId }, journal, () => {
      const disk = this.#require(this.disks, diskId);
      requireTags(disk, ownerTags(this.#applianceId, journal.restoreId, 'disk'));
      if (!from.test(disk.diskState)) throw refuse('AZURE_REFUSED', `${disk.name} is ${disk.diskState}.`);
      disk.diskState = to;
      return `https://disks.invalid/${disk.name}?sig=memory`;
    });
  }

  async revokeDiskAccess(diskId: string, journal: CallJournal): Promise<void> {
    await this.#recorded('revokeDiskAccess', { key: `disk.revoke:${nameOf(diskId)}`, azureId: diskId }, journal, () => {
      const disk = this.disks.get(diskId.toLowerCase());
      if (disk && /^Active/.test(disk.diskState)) disk.diskState = 'Unattached';
    });
  }

  ensureNic(spec: NicSpec, journal: CallJournal): Promise<CloudNic> {
    const azureId = this.nicId(spec.resourceGroup, spec.name);
    const creates = { kind: 'nic' as const, role: spec.role };
    return this.#recorded('ensureNic', { key: `nic.create:${spec.name}`, azureId, creates }, journal, async () => {
      const known = this.nics.get(azureId.toLowerCase());
      if (known !== undefined) return requireTags(known, spec.tags);
      const subnet = await this.subnet(spec.subnetId);
      if (subnet === null) throw refuse('NETWORK_NOT_FOUND', `There is no subnet ${spec.subnetId}.`);
      if (spec.privateIp !== null && subnet.usedAddresses.includes(spec.privateIp)) {
        throw refuse('IP_IN_USE', `${spec.privateIp} is in use.`);
      }
      const nic: Change<CloudNic> = {
        azureId,
        name: spec.name,
        tags: spec.tags,
        vmId: null,
        privateAddresses: [spec.privateIp ?? `10.0.0.${this.nics.size + 100}`],
        provisioningState: 'Succeeded',
      };
      this.nics.set(azureId.toLowerCase(), nic);
      return nic;
    });
  }

  async ensureWorker(spec: WorkerSpec, journal: CallJournal): Promise<CloudVm> {
    const osDiskId = this.diskId(spec.resourceGroup, spec.osDiskName);
    const role = 'worker-os-disk';
    const key = `disk.create:${spec.osDiskName}`;
    await journal.begin(intent({ key, azureId: osDiskId, creates: { kind: 'disk', role } }, 'ensureWorker'));
    const vm = await this.#ensureVm('ensureWorker', spec, journal, () => {
      const tags = ownerTags(this.#applianceId, journal.restoreId, role);
      const disk = { ...spec, name: spec.osDiskName, tags, sku: 'StandardSSD_LRS', sizeBytes: 30 * 1024 ** 3 };
      this.disks.set(osDiskId.toLowerCase(), this.#newDisk(disk, osDiskId, 'Unattached'));
      this.environments.set(this.vmId(spec.resourceGroup, spec.name).toLowerCase(), spec.environment);
      return osDiskId;
    });
    await journal.succeeded(key);
    return vm;
  }

  ensureVm(spec: VmSpec, journal: CallJournal): Promise<CloudVm> {
    return this.#ensureVm('ensureVm', spec, journal, () => {
      this.#require(this.disks, spec.osDisk.diskId);
      return spec.osDisk.diskId;
    });
  }

  async attachDisks(vmId: string, disks: readonly DiskAttachment[], journal: CallJournal): Promise<void> {
    await this.#recorded('attachDisks', { key: `vm.attach:${nameOf(vmId)}`, azureId: vmId }, journal, () => {
      const vm = this.#require(this.vms, vmId);
      for (const { diskId, lun } of disks) {
        const at = vm.dataDisks.find((each) => each.lun === lun || sameId(each.diskId, diskId));
        if (at !== undefined && at.lun === lun && sameId(at.diskId, diskId)) continue;
        if (at !== undefined) throw refuse('LUN_TAKEN', `LUN ${lun} of ${vm.name} is taken.`);
        const most = this.#seed.sizes.find((size) => size.name === vm.size)?.maxDataDisks ?? 0;
        if (vm.dataDisks.length >= most) throw refuse('DISK_COUNT', `${vm.size} takes ${most} data disks.`);
        this.#attach(this.#require(this.disks, diskId), vm.azureId);
        vm.dataDisks = [...vm.dataDisks, { diskId, lun }];
      }
    });
  }

  async detachDisks(vmId: string, diskIds: readonly string[], journal: CallJournal): Promise<void> {
    await this.#recorded('detachDisks', { key: `vm.detach:${nameOf(vmId)}`, azureId: vmId }, journal, () => {
      const vm = this.vms.get(vmId.toLowerCase());
      if (vm === undefined) return;
      const gone = vm.dataDisks.filter((each) => diskIds.some((id) => sameId(id, each.diskId)));
      vm.dataDisks = vm.dataDisks.filter((each) => !gone.includes(each));
      for (const { diskId } of gone) this.#release(diskId);
    });
  }

  async startVm(vmId: string, journal: CallJournal): Promise<void> {
    await this.#recorded('startVm', { key: `vm.start:${nameOf(vmId)}`, azureId: vmId }, journal, () => {
      this.#require(this.vms, vmId).powerState = 'running';
    });
  }

  async deallocateVm(vmId: string, journal: CallJournal): Promise<void> {
    await this.#recorded('deallocateVm', { key: `vm.deallocate:${nameOf(vmId)}`, azureId: vmId }, journal, () => {
      const vm = this.vms.get(vmId.toLowerCase());
      if (vm !== undefined) vm.powerState = 'deallocated';
    });
  }

  async deleteOwned(resource: OwnedResource, journal: CallJournal): Promise<boolean> {
    const id = resource.azureId.toLowerCase();
    const key = `${resource.kind}.delete:${nameOf(id)}`;
    return this.#recorded('deleteOwned', { key, azureId: resource.azureId, removes: true }, journal, () => {
      const found = this.vms.get(id) ?? this.disks.get(id) ?? this.nics.get(id);
      if (found === undefined) return false;
      requireTags(found, resource.tags);
      const vm = this.vms.get(id);
      const disk = this.disks.get(id);
      const nic = this.nics.get(id);
      if (vm !== undefined) this.#deleteVm(vm);
      if (disk !== undefined && disk.managedBy !== null) throw refuse('DISK_ATTACHED', `${disk.name} is attached.`);
      if (/^Active/.test(disk?.diskState ?? '')) throw underAccess(resource.azureId);
      if (nic !== undefined && nic.vmId !== null) throw refuse('NIC_IN_USE', `${nic.name} is in use.`);
      this.disks.delete(id);
      this.nics.delete(id);
      return true;
    });
  }

  #ensureDisk(method: keyof Cloud, spec: DiskSpec, diskState: string, journal: CallJournal): Promise<CloudDisk> {
    const azureId = this.diskId(spec.resourceGroup, spec.name);
    const creates = { kind: 'disk' as const, role: spec.role };
    return this.#recorded(method, { key: `disk.create:${spec.name}`, azureId, creates }, journal, () => {
      const known = this.disks.get(azureId.toLowerCase());
      if (known !== undefined) {
        requireTags(known, spec.tags);
        if (known.sizeBytes !== spec.sizeBytes) throw refuse('RESOURCE_CHANGED', `${azureId} has another size.`);
        return known;
      }
      const disk = this.#newDisk(spec, azureId, diskState);
      this.disks.set(azureId.toLowerCase(), disk);
      return disk;
    });
  }

  #newDisk(
    spec: Pick<DiskSpec, 'name' | 'resourceGroup' | 'region' | 'zone' | 'sizeBytes' | 'sku' | 'tags'>,
    azureId: string,
    diskState: string,
  ): Change<CloudDisk> {
    const { name, resourceGroup, region, zone, sizeBytes, sku, tags } = spec;
    const place = { azureId, name, resourceGroup, region, zone };
    return { ...place, sizeBytes, sku, tags, diskState, managedBy: null, provisioningState: 'Succeeded' };
  }

  #ensureVm(
    method: keyof Cloud,
    spec: VmSpec | WorkerSpec,
    journal: CallJournal,
    osDisk: () => string,
  ): Promise<CloudVm> {
    const azureId = this.vmId(spec.resourceGroup, spec.name);
    const creates = { kind: 'vm' as const, role: spec.role };
    return this.#recorded(method, { key: `vm.create:${spec.name}`, azureId, creates }, journal, () => {
      const known = this.vms.get(azureId.toLowerCase());
      if (known !== undefined) return requireTags(known, spec.tags);
      const nic = this.#require(this.nics, spec.nicId);
      const osDiskId = osDisk();
      const vm: Change<CloudVm> = {
        azureId,
        name: spec.name,
        resourceGroup: spec.resourceGroup,
        region: spec.region,
        size: spec.size,
        osDiskId,
        dataDisks: [],
        nicIds: [spec.nicId],
        tags: spec.tags,
        provisioningState: 'Succeeded',
        powerState: 'running',
      };
      this.#attach(this.#require(this.disks, osDiskId), azureId);
      nic.vmId = azureId;
      this.vms.set(azureId.toLowerCase(), vm);
      return vm;
    });
  }

  /** A worker's own OS disk goes with it; nothing else does. */
  #deleteVm(vm: CloudVm): void {
    this.vms.delete(vm.azureId.toLowerCase());
    for (const { diskId } of vm.dataDisks) this.#release(diskId);
    if (vm.osDiskId !== null) this.#release(vm.osDiskId);
    if (vm.osDiskId !== null && tagOf(vm.tags, OWNER_TAGS.role) === 'worker')
      this.disks.delete(vm.osDiskId.toLowerCase());
    for (const nicId of vm.nicIds) this.#require(this.nics, nicId).vmId = null;
  }

  #attach(disk: Change<CloudDisk>, vmId: string): void {
    if (disk.managedBy !== null) throw refuse('DISK_ATTACHED', `${disk.name} is attached to ${disk.managedBy}.`);
    disk.managedBy = vmId;
    disk.diskState = 'Attached';
  }

  #release(diskId: string): void {
    const disk = this.#require(this.disks, diskId);
    disk.managedBy = null;
    disk.diskState = 'Unattached';
  }

  #require<T>(resources: ReadonlyMap<string, T>, id: string): T {
    const found = resources.get(id.toLowerCase());
    if (found === undefined) throw refuse('AZURE_NOT_FOUND', `${id} does not exist.`);
    return found;
  }

  async #recorded<T>(
    method: keyof Cloud,
    call: Pick<CallIntent, 'key' | 'azureId' | 'creates' | 'removes'>,
    journal: CallJournal,
    act: () => T | Promise<T>,
  ): Promise<T> {
    await journal.begin(intent(call, method));
    const result = await this.#tried(method, call.key, journal, act);
    await journal.called?.(call.key);
    this.changes.push(`${method} ${nameOf(call.azureId)}`);
    await journal.succeeded(call.key, { azureId: call.azureId });
    return result;
  }

  async #tried<T>(method: keyof Cloud, key: string, journal: CallJournal, act: () => T | Promise<T>): Promise<T> {
    try {
      const failure = this.#failures.get(method)?.shift();
      if (failure !== undefined) throw failure;
      return await act();
    } catch (error) {
      if (error instanceof PermanentError) await journal.failed(key, error.toDetails());
      throw error;
    }
  }
}

function intent(call: Pick<CallIntent, 'key' | 'azureId' | 'creates' | 'removes'>, operation: string): CallIntent {
  return { ...call, operation, bodyHash: call.key };
}

function nameOf(id: string): string {
  return id.split('/').at(-1) ?? id;
}

function sameId(left: string, right: string): boolean {
  return left.toLowerCase() === right.toLowerCase();
}
