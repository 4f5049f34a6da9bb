import { randomUUID } from 'node:crypto';
import {
  carriesTags,
  ownerTags,
  POWER_CHANGE,
  type CallJournal,
  type CloudDisk,
  type CloudMachines,
  type CloudVm,
  type DiskAttachment,
  type Owned,
  type RecreatedVm,
  type RecreateSpec,
  RetryableError,
  type RemovedVm,
  type SourceVm,
  type VmCopySpec,
  type VmSpec,
  type WorkerSpec,
  sameId,
} from '@landfall/domain';
import type { MemoryReader } from './memory-reader.js';
import { CHANGES_OURS, nameOf, REMOVES_OURS, type Changeable, type MemorySubscription } from './memory-subscription.js';
import { refuse, requireTags } from './refusals.js';
import { SHOWN_VM } from './saved-vm.js';

const WORKER_OS_DISK = { sku: 'StandardSSD_LRS', sizeBytes: 30 * 1024 ** 3 };

export class MemoryMachines implements CloudMachines {
  constructor(
    private readonly subscription: MemorySubscription,
    private readonly reader: MemoryReader,
  ) {}

  ensure(spec: VmSpec, journal: CallJournal): Promise<CloudVm> {
    const { disks } = this.subscription;
    const osDisk = (): string => {
      this.subscription.require(disks, spec.osDisk.diskId);
      return spec.osDisk.diskId;
    };
    return this.#ensure('machines.ensure', spec, journal, osDisk, spec.dataDisks);
  }

  async ensureWorker(spec: WorkerSpec, journal: CallJournal): Promise<CloudVm> {
    const { subscription } = this;
    const osDiskId = this.reader.diskId(spec.resourceGroup, spec.osDiskName);
    const role = 'worker-os-disk';
    const key = `disk.create:${spec.osDiskName}`;
    const effect = { creates: { kind: 'disk', role, purpose: 'help' } } as const;
    await journal.begin({ key, azureId: osDiskId, effect, operation: 'machines.ensureWorker', bodyHash: key });
    const vm = await this.#ensure('machines.ensureWorker', spec, journal, () => {
      const tags = ownerTags(subscription.applianceId, journal.ownerId, role);
      subscription.newDisk({ ...spec, ...WORKER_OS_DISK, name: spec.osDiskName, tags }, osDiskId, 'Unattached');
      const azureId = this.reader.vmId(spec.resourceGroup, spec.name);
      subscription.environments.set(azureId.toLowerCase(), spec.environment);
      return osDiskId;
    });
    await journal.succeeded(key);
    return vm;
  }

  async attach(vmId: string, disks: readonly DiskAttachment[], journal: CallJournal): Promise<void> {
    const { subscription } = this;
    const call = { key: `vm.attach:${nameOf(vmId)}`, azureId: vmId, effect: CHANGES_OURS };
    await subscription.recorded('machines.attach', call, journal, () => {
      const vm = subscription.require(subscription.vms, vmId);
      for (const { diskId, lun } of disks) {
        const at = vm.dataDisks.find((each) => each.lun === lun || sameId(each.diskId, diskId));
        if (at !== undefined && at.lun === lun && sameId(at.diskId, diskId)) continue;
        if (at !== undefined) throw refuse('LUN_TAKEN', `LUN ${lun} of ${vm.name} is taken.`);
        this.#requireRoom(vm, [...vm.dataDisks, { lun }]);
        this.#hold([subscription.require(subscription.disks, diskId)], vm.azureId);
        vm.dataDisks = [...vm.dataDisks, { diskId, lun }];
      }
    });
  }

  async detach(vmId: string, diskIds: readonly string[], journal: CallJournal): Promise<void> {
    const { subscription } = this;
    const call = { key: `vm.detach:${nameOf(vmId)}`, azureId: vmId, effect: CHANGES_OURS };
    await subscription.recorded('machines.detach', call, journal, () => {
      const vm = subscription.vms.get(vmId.toLowerCase());
      if (vm === undefined) return;
      const gone = vm.dataDisks.filter((each) => diskIds.some((id) => sameId(id, each.diskId)));
      vm.dataDisks = vm.dataDisks.filter((each) => !gone.includes(each));
      for (const { diskId } of gone) this.#release(diskId);
    });
  }

  async start(vmId: string, journal: CallJournal): Promise<void> {
    const { subscription } = this;
    const call = { key: `vm.start:${nameOf(vmId)}`, azureId: vmId, effect: CHANGES_OURS };
    await subscription.recorded('machines.start', call, journal, () => {
      subscription.setPower(subscription.require(subscription.vms, vmId), 'running');
    });
  }

  async deallocate(vmId: string, journal: CallJournal): Promise<void> {
    const { subscription } = this;
    const call = { key: `vm.deallocate:${nameOf(vmId)}`, azureId: vmId, effect: CHANGES_OURS };
    await subscription.recorded('machines.deallocate', call, journal, () => {
      const vm = subscription.vms.get(vmId.toLowerCase());
      if (vm !== undefined) subscription.setPower(vm, 'deallocated');
    });
  }

  async stopSource({ azureId, instanceId }: SourceVm, journal: CallJournal): Promise<void> {
    const { subscription } = this;
    const effect = { changes: { what: POWER_CHANGE, was: 'running' } } as const;
    const call = { key: `vm.stop-source:${nameOf(azureId)}`, azureId, effect };
    await subscription.recorded('machines.stopSource', call, journal, () => {
      const vm = subscription.vms.get(azureId.toLowerCase());
      if (vm === undefined) return;
      if (vm.instanceId !== instanceId) throw refuse('SOURCE_REPLACED', `${azureId} is another VM by now.`);
      subscription.setPower(vm, 'deallocated');
    });
  }

  startSource({ azureId, instanceId }: SourceVm, journal: CallJournal): Promise<boolean> {
    const { subscription } = this;
    const effect = { changes: { undoes: POWER_CHANGE } } as const;
    const call = { key: `vm.start-source:${nameOf(azureId)}`, azureId, effect };
    return subscription.recorded('machines.startSource', call, journal, () => {
      const vm = subscription.vms.get(azureId.toLowerCase());
      if (vm?.instanceId !== instanceId) return false;
      subscription.setPower(vm, 'running');
      return true;
    });
  }

  removeSource({ azureId, instanceId, diskIds }: RemovedVm, journal: CallJournal): Promise<boolean> {
    const { subscription } = this;
    const effect = { removes: { kind: 'vm', instanceId } } as const;
    const call = { key: `vm.remove-source:${nameOf(azureId)}`, azureId, effect };
    return subscription.recorded('machines.removeSource', call, journal, () => {
      const vm = subscription.vms.get(azureId.toLowerCase());
      if (vm === undefined) return false;
      if (vm.instanceId !== instanceId) throw refuse('SOURCE_REPLACED', `${azureId} is another VM by now.`);
      const attached = [...(vm.osDiskId === null ? [] : [vm.osDiskId]), ...vm.dataDisks.map(({ diskId }) => diskId)];
      if (diskIds && attached.some((id) => !diskIds.some((each) => sameId(each, id))))
        throw new RetryableError({
          code: 'SOURCE_CHANGED',
          message: `${azureId} has other disks.`,
          fix: 'Look again.',
        });
      if (subscription.osDiskGoesAlong(vm)) throw refuse('SOURCE_PARTS_GO_ALONG', `${azureId} takes its disk along.`);
      if (vm.powerState !== 'deallocated') throw refuse('SOURCE_NOT_STOPPED', `${azureId} is ${vm.powerState}.`);
      this.#delete(vm);
      return true;
    });
  }

  async recreate(spec: RecreateSpec, journal: CallJournal): Promise<RecreatedVm> {
    const { subscription } = this;
    const { azureId } = spec.saved.vm;
    const effect = { creates: { kind: 'vm', role: spec.role, purpose: spec.purpose } } as const;
    const call = { key: `vm.recreate:${azureId.toLowerCase()}`, azureId, effect };
    const create = (): CloudVm => {
      const known = subscription.vms.get(azureId.toLowerCase());
      if (known === undefined) return this.#madeAnew(spec);
      if (carriesTags(known.tags, spec.tags) || known.instanceId === spec.instanceId) return known;
      throw refuse('NAME_TAKEN', `${azureId} is another VM.`);
    };
    const vm = await subscription.recorded('machines.recreate', call, journal, create, ({ instanceId }) => instanceId);
    return { vm, notSent: [] };
  }

  async ensureCopy({ saved, osDiskId, dataDisks, ...spec }: VmCopySpec, journal: CallJournal): Promise<CloudVm> {
    const { location, tags: shown, properties } = SHOWN_VM.parse(saved.vm.body);
    const { caching, family } = { caching: 'ReadWrite', family: 'linux' } as const;
    const wanted = {
      ...{ ...spec, region: location, zone: null, size: properties.hardwareProfile.vmSize, dataDisks },
      osDisk: { diskId: osDiskId, caching, family },
    };
    const vm: Changeable<CloudVm> = await this.#ensure(
      'machines.ensureCopy',
      wanted,
      journal,
      () => osDiskId,
      dataDisks,
    );
    vm.tags = { ...shown, ...spec.tags };
    vm.powerState = this.subscription.copiesAre;
    return vm;
  }

  remove({ azureId, tags }: Owned, journal: CallJournal): Promise<boolean> {
    const { subscription } = this;
    const call = { key: `vm.delete:${azureId.toLowerCase()}`, azureId, effect: REMOVES_OURS };
    return subscription.recorded('machines.remove', call, journal, () => {
      const vm = subscription.vms.get(azureId.toLowerCase());
      if (vm === undefined) return false;
      requireTags(vm, tags);
      if (!subscription.environments.has(azureId.toLowerCase())) subscription.keeping.add(azureId.toLowerCase());
      this.#delete(vm);
      return true;
    });
  }

  #madeAnew({ saved, osDiskId, dataDisks, tags, size }: RecreateSpec): CloudVm {
    const { subscription } = this;
    const { azureId, body } = saved.vm;
    const { location, tags: shown, properties } = SHOWN_VM.parse(body);
    const nics = saved.nics.map((nic) => subscription.require(subscription.nics, nic.azureId));
    const disks = [osDiskId, ...dataDisks.map(({ diskId }) => diskId)];
    const held = disks.map((id) => subscription.require(subscription.disks, id));
    this.#hold(held, azureId);
    for (const nic of nics) nic.vmId = azureId;
    const vm: CloudVm = {
      ...{ azureId, instanceId: randomUUID(), name: nameOf(azureId), resourceGroup: azureId.split('/')[4] ?? '' },
      ...{ region: location, size: size ?? properties.hardwareProfile.vmSize, osDiskId },
      dataDisks: dataDisks.map(({ diskId, lun }) => ({ diskId, lun })),
      nicIds: nics.map((nic) => nic.azureId),
      tags: { ...shown, ...tags },
      ...{ provisioningState: 'Succeeded', powerState: 'running' },
    };
    subscription.vms.set(azureId.toLowerCase(), vm);
    return vm;
  }

  #ensure(
    call: 'machines.ensure' | 'machines.ensureWorker' | 'machines.ensureCopy',
    spec: VmSpec | WorkerSpec,
    journal: CallJournal,
    osDisk: () => string,
    dataDisks: readonly DiskAttachment[] = [],
  ): Promise<CloudVm> {
    const { subscription } = this;
    const azureId = this.reader.vmId(spec.resourceGroup, spec.name);
    const effect = { creates: { kind: 'vm', role: spec.role, purpose: spec.purpose } } as const;
    const create = (): CloudVm => {
      const known = subscription.vms.get(azureId.toLowerCase());
      if (known !== undefined) return requireTags(known, spec.tags);
      subscription.requireGroup(spec.resourceGroup);
      const nic = subscription.require(subscription.nics, spec.nicId);
      const osDiskId = osDisk();
      const vm: CloudVm = {
        azureId,
        instanceId: randomUUID(),
        name: spec.name,
        resourceGroup: spec.resourceGroup,
        region: spec.region,
        size: spec.size,
        osDiskId,
        dataDisks: dataDisks.map(({ diskId, lun }) => ({ diskId, lun })),
        nicIds: [spec.nicId],
        tags: spec.tags,
        provisioningState: 'Succeeded',
        powerState: 'running',
      };
      this.#requireRoom(spec, dataDisks);
      this.#hold(
        [osDiskId, ...dataDisks.map(({ diskId }) => diskId)].map((id) => subscription.require(subscription.disks, id)),
        azureId,
      );
      nic.vmId = azureId;
      subscription.vms.set(azureId.toLowerCase(), vm);
      return vm;
    };
    const what = { key: `vm.create:${spec.name}`, azureId, effect };
    return subscription.recorded(call, what, journal, create, (vm) => vm.instanceId);
  }

  #requireRoom({ name, size }: Pick<CloudVm, 'name' | 'size'>, disks: readonly { readonly lun: number }[]): void {
    const most = this.subscription.seed.sizes.find((each) => each.name === size)?.maxDataDisks ?? 0;
    if (disks.length > most) throw refuse('DISK_COUNT', `${size} takes ${most} data disks.`);
    if (new Set(disks.map(({ lun }) => lun)).size < disks.length)
      throw refuse('LUN_TAKEN', `A LUN of ${name} is taken.`);
  }

  /** A worker's own OS disk goes with it; nothing else does. */
  #delete(vm: CloudVm): void {
    const { vms, disks, nics, environments, keeping, takingAlong } = this.subscription;
    for (const { diskId } of vm.dataDisks) this.#release(diskId);
    if (vm.osDiskId !== null) this.#release(vm.osDiskId);
    if (vm.osDiskId !== null && this.subscription.osDiskGoesAlong(vm)) disks.delete(vm.osDiskId.toLowerCase());
    for (const nicId of vm.nicIds) this.subscription.require(nics, nicId).vmId = null;
    this.subscription.serialLogs.delete(vm.azureId.toLowerCase());
    vms.delete(vm.azureId.toLowerCase());
    environments.delete(vm.azureId.toLowerCase());
    keeping.delete(vm.azureId.toLowerCase());
    takingAlong.delete(vm.azureId.toLowerCase());
  }

  #release(diskId: string): void {
    this.subscription.setHolder(this.subscription.require(this.subscription.disks, diskId), null);
  }

  /** All or none, as Azure does it. */
  #hold(disks: readonly Changeable<CloudDisk>[], vmId: string): void {
    for (const { name, managedBy } of disks)
      if (managedBy !== null) throw refuse('DISK_ATTACHED', `${name} is attached to ${managedBy}.`);
    for (const disk of disks) this.subscription.setHolder(disk, vmId);
  }
}
