import {
  type CallJournal,
  type Cloud,
  type CloudDisk,
  type CloudNic,
  type CloudVm,
  type DiskAttachment,
  type DiskSpec,
  type NicSpec,
  type OwnedResource,
  type VmSpec,
  type WorkerSpec,
  ownerTags,
} from '@landfall/domain';
import { attach, detach } from './attachments.js';
import { connectClients, type AzureConnection, type AzureSettings } from './connection.js';
import { isWorker, keepParts, remove, type Existing } from './deletion.js';
import { grantAccess } from './disk-access.js';
import { createDisk, revokeAccess, tagDisk } from './disks.js';
import { createNic } from './network-interfaces.js';
import { bodyHash } from './ownership.js';
import { perform, type Change } from './perform.js';
import { AzureReader } from './reader.js';
import { createVm, createWorker, deallocate, start } from './virtual-machines.js';

/** Azure through its SDK; `Cloud` says what every method keeps to, `perform.ts` how. */
export class AzureCloud extends AzureReader implements Cloud {
  readonly #applianceId: string;

  constructor(connection: AzureConnection, applianceId: string) {
    super(connection);
    this.#applianceId = applianceId;
  }

  ensureEmptyDisk(spec: DiskSpec, journal: CallJournal, signal?: AbortSignal): Promise<CloudDisk> {
    const azureId = this.diskId(spec.resourceGroup, spec.name);
    return this.#perform(createDisk(this.connection, this.#readDisk, azureId, spec, 'Empty'), journal, signal);
  }

  ensureUploadDisk(spec: DiskSpec, journal: CallJournal, signal?: AbortSignal): Promise<CloudDisk> {
    const azureId = this.diskId(spec.resourceGroup, spec.name);
    return this.#perform(createDisk(this.connection, this.#readDisk, azureId, spec, 'Upload'), journal, signal);
  }

  grantDiskWrite(diskId: string, seconds: number, journal: CallJournal, signal?: AbortSignal): Promise<string> {
    return this.#grant(diskId, 'Write', seconds, journal, signal);
  }

  grantDiskRead(diskId: string, seconds: number, journal: CallJournal, signal?: AbortSignal): Promise<string> {
    return this.#grant(diskId, 'Read', seconds, journal, signal);
  }

  async revokeDiskAccess(diskId: string, journal: CallJournal, signal?: AbortSignal): Promise<void> {
    await this.#perform(revokeAccess(this.connection, this.#readDisk, diskId), journal, signal);
  }

  ensureNic(spec: NicSpec, journal: CallJournal, signal?: AbortSignal): Promise<CloudNic> {
    const azureId = this.nicId(spec.resourceGroup, spec.name);
    return this.#perform(
      createNic(this.connection, (id) => this.nic(id), azureId, spec),
      journal,
      signal,
    );
  }

  /** Its OS disk is made by Azure along with it: that one goes into the ledger beforehand too, and is tagged afterwards. */
  async ensureWorker(spec: WorkerSpec, journal: CallJournal, signal?: AbortSignal): Promise<CloudVm> {
    const azureId = this.vmId(spec.resourceGroup, spec.name);
    const osDiskId = this.diskId(spec.resourceGroup, spec.osDiskName);
    const osDiskKey = `disk.create:${spec.osDiskName}`;
    await journal.begin({
      key: osDiskKey,
      operation: 'virtualMachines.createOrUpdate',
      azureId: osDiskId,
      bodyHash: bodyHash(spec.image),
      creates: { kind: 'disk', role: 'worker-os-disk' },
    });
    const change = await createWorker(this.connection, this.#readVm, azureId, osDiskId, spec);
    const vm = await this.#perform(change, journal, signal);
    await journal.succeeded(osDiskKey, { azureId: osDiskId });
    const tags = ownerTags(this.#applianceId, journal.restoreId, 'worker-os-disk');
    await this.#perform(tagDisk(this.connection, this.#readDisk, osDiskId, tags), journal, signal);
    return vm;
  }

  ensureVm(spec: VmSpec, journal: CallJournal, signal?: AbortSignal): Promise<CloudVm> {
    const azureId = this.vmId(spec.resourceGroup, spec.name);
    return this.#perform(createVm(this.connection, this.#readVm, azureId, spec), journal, signal);
  }

  async attachDisks(
    vmId: string,
    disks: readonly DiskAttachment[],
    journal: CallJournal,
    signal?: AbortSignal,
  ): Promise<void> {
    if (disks.length === 0) return;
    await this.#perform(attach(this.connection, this.#readVm, vmId, disks), journal, signal);
  }

  async detachDisks(
    vmId: string,
    diskIds: readonly string[],
    journal: CallJournal,
    signal?: AbortSignal,
  ): Promise<void> {
    if (diskIds.length === 0) return;
    await this.#perform(detach(this.connection, this.#readVm, vmId, diskIds), journal, signal);
  }

  async startVm(vmId: string, journal: CallJournal, signal?: AbortSignal): Promise<void> {
    await this.#perform(start(this.connection, this.#readVm, vmId), journal, signal);
  }

  async deallocateVm(vmId: string, journal: CallJournal, signal?: AbortSignal): Promise<void> {
    await this.#perform(deallocate(this.connection, this.#readVm, vmId), journal, signal);
  }

  async deleteOwned(resource: OwnedResource, journal: CallJournal, signal?: AbortSignal): Promise<boolean> {
    let wasThere = false;
    const read = () => this.#existing(resource);
    const change = remove(this.connection, resource, read, () => {
      wasThere = true;
    });
    if (resource.kind === 'vm') {
      const vm = await this.vm(resource.azureId);
      // One that is not ours is refused by the deletion itself, before anything about it is changed.
      const isOurs = vm !== null && (await change.look().then(() => true));
      if (isOurs && !isWorker(vm)) {
        const model = () => this.vmModel(resource.azureId);
        await this.#perform(keepParts(this.connection, resource.azureId, model), journal, signal);
      }
    }
    await this.#perform(change, journal, signal);
    return wasThere;
  }

  readonly #readDisk = (id: string): Promise<CloudDisk | null> => this.disk(id);
  readonly #readVm = (id: string): Promise<CloudVm | null> => this.vm(id);

  async #existing(resource: OwnedResource): Promise<Existing | null> {
    switch (resource.kind) {
      case 'disk':
        return this.disk(resource.azureId);
      case 'nic':
        return this.nic(resource.azureId);
      case 'vm':
        return this.vm(resource.azureId);
      case 'resource-group':
        return this.resourceGroup(resource.azureId.split('/').at(-1) ?? '');
    }
  }

  #grant(
    diskId: string,
    access: 'Read' | 'Write',
    seconds: number,
    journal: CallJournal,
    signal: AbortSignal | undefined,
  ): Promise<string> {
    const tags = ownerTags(this.#applianceId, journal.restoreId, 'disk');
    const wanted = { diskId, access, seconds, tags };
    return grantAccess(this.connection, this.#readDisk, wanted, { connection: this.connection, journal, signal });
  }

  #perform<T>(change: Change<T>, journal: CallJournal, signal: AbortSignal | undefined): Promise<T> {
    return perform(change, { connection: this.connection, journal, signal });
  }
}

export function connectAzure(settings: AzureSettings): AzureCloud {
  return new AzureCloud(connectClients(settings), settings.applianceId);
}
