import { restorePoller } from '@azure/arm-compute';
import {
  ownerTags,
  type CallJournal,
  type CloudMachines,
  type CloudVm,
  type DiskAttachment,
  type Owned,
  type RecreatedVm,
  type RecreateSpec,
  type RemovedVm,
  type SourceVm,
  type VmCopySpec,
  type VmSpec,
  type WorkerSpec,
} from '@landfall/domain';
import { attach, detach } from './attachments.js';
import type { AzureConnection } from './connection.js';
import { copiedBody } from './copied-body.js';
import { removal, removeOwn, type Deletion } from './deletion.js';
import { tagDisk } from './disks.js';
import { bodyHash } from './ownership.js';
import { perform, type Change } from './perform.js';
import type { AzureReader } from './reader.js';
import { recreatedBody } from './recreated-body.js';
import { recreation } from './recreation.js';
import { startOfSource, stopOfSource } from './source-power.js';
import { removalOfSource } from './source-removal.js';
import { createVm, createWorker, deallocate, start, vmPath } from './virtual-machines.js';
import { isWorker, keepParts } from './vm-parts.js';

export class AzureMachines implements CloudMachines {
  constructor(
    private readonly connection: AzureConnection,
    private readonly reader: Pick<AzureReader, 'resource' | 'vm' | 'vmModel' | 'nicModel' | 'vmId' | 'disk' | 'diskId'>,
    private readonly applianceId: string,
  ) {}

  ensure(spec: VmSpec, journal: CallJournal, signal?: AbortSignal): Promise<CloudVm> {
    const azureId = this.reader.vmId(spec.resourceGroup, spec.name);
    return this.#perform(createVm(this.connection, this.#read, azureId, spec), journal, signal);
  }

  /** Its OS disk is made by Azure along with it: that one goes into the ledger beforehand too, and is tagged afterwards. */
  async ensureWorker(spec: WorkerSpec, journal: CallJournal, signal?: AbortSignal): Promise<CloudVm> {
    const azureId = this.reader.vmId(spec.resourceGroup, spec.name);
    const osDiskId = this.reader.diskId(spec.resourceGroup, spec.osDiskName);
    const osDiskKey = `disk.create:${spec.osDiskName}`;
    await journal.begin({
      key: osDiskKey,
      operation: 'virtualMachines.createOrUpdate',
      azureId: osDiskId,
      bodyHash: bodyHash(spec.image),
      effect: { creates: { kind: 'disk', role: 'worker-os-disk', purpose: 'help' } },
    });
    const change = await createWorker(this.connection, this.#read, azureId, osDiskId, spec);
    const vm = await this.#perform(change, journal, signal);
    await journal.succeeded(osDiskKey, { azureId: osDiskId });
    const tags = ownerTags(this.applianceId, journal.ownerId, 'worker-os-disk');
    const tagging = tagDisk(this.connection, (id) => this.reader.disk(id), osDiskId, tags);
    await this.#perform(tagging, journal, signal);
    return vm;
  }

  async attach(
    vmId: string,
    disks: readonly DiskAttachment[],
    journal: CallJournal,
    signal?: AbortSignal,
  ): Promise<void> {
    if (disks.length === 0) return;
    await this.#perform(attach(this.connection, this.#read, vmId, disks), journal, signal);
  }

  async detach(vmId: string, diskIds: readonly string[], journal: CallJournal, signal?: AbortSignal): Promise<void> {
    if (diskIds.length === 0) return;
    await this.#perform(detach(this.connection, this.#read, vmId, diskIds), journal, signal);
  }

  async start(vmId: string, journal: CallJournal, signal?: AbortSignal): Promise<void> {
    await this.#perform(start(this.connection, this.#read, vmId), journal, signal);
  }

  async deallocate(vmId: string, journal: CallJournal, signal?: AbortSignal): Promise<void> {
    await this.#perform(deallocate(this.connection, this.#read, vmId), journal, signal);
  }

  async stopSource(source: SourceVm, journal: CallJournal, signal?: AbortSignal): Promise<void> {
    await this.#perform(stopOfSource(this.connection, this.#read, source), journal, signal);
  }

  startSource(source: SourceVm, journal: CallJournal, signal?: AbortSignal): Promise<boolean> {
    return this.#perform(startOfSource(this.connection, this.#read, source), journal, signal);
  }

  async removeSource(source: RemovedVm, journal: CallJournal, signal?: AbortSignal): Promise<boolean> {
    let wasThere = false;
    const read = {
      vm: (id: string) => this.reader.vmModel(id),
      nic: (id: string) => this.reader.nicModel(id),
    };
    const change = removalOfSource(this.connection, read, source, () => {
      wasThere = true;
    });
    await this.#perform(change, journal, signal);
    return wasThere;
  }

  async recreate(spec: RecreateSpec, journal: CallJournal, signal?: AbortSignal): Promise<RecreatedVm> {
    const { body, notSent } = recreatedBody(spec.saved, spec);
    const vm = await this.#perform(recreation(this.connection, this.#read, spec, body), journal, signal);
    return { vm, notSent };
  }

  ensureCopy(spec: VmCopySpec, journal: CallJournal, signal?: AbortSignal): Promise<CloudVm> {
    const vm = { ...spec.saved.vm, azureId: this.reader.vmId(spec.resourceGroup, spec.name) };
    const wanted = { ...spec, saved: { ...spec.saved, vm }, instanceId: null };
    return this.#perform(recreation(this.connection, this.#read, wanted, copiedBody(spec)), journal, signal);
  }

  async remove(owned: Owned, journal: CallJournal, signal?: AbortSignal): Promise<boolean> {
    const deletion = this.#deletionOf(owned);
    const vm = await this.reader.vm(owned.azureId);
    // One that is not ours is refused by the deletion itself, before anything about it is changed.
    const isOurs =
      vm !== null &&
      (await removal(this.reader, deletion, () => undefined)
        .look()
        .then(() => true));
    if (isOurs && !isWorker(vm)) {
      const model = () => this.reader.vmModel(owned.azureId);
      await this.#perform(keepParts(this.connection, owned.azureId, model), journal, signal);
    }
    return removeOwn(this.reader, deletion, { connection: this.connection, journal, signal });
  }

  readonly #read = (id: string): Promise<CloudVm | null> => this.reader.vm(id);

  #deletionOf(owned: Owned): Deletion {
    const { compute } = this.connection;
    const { resourceGroup, name } = vmPath(this.connection, owned.azureId);
    return {
      ...{ kind: 'vm', name, owned },
      send: () => compute.virtualMachines.delete(resourceGroup, name),
      resume: (state) => restorePoller(compute, state, compute.virtualMachines.delete),
    };
  }

  #perform<T>(change: Change<T>, journal: CallJournal, signal: AbortSignal | undefined): Promise<T> {
    return perform(change, { connection: this.connection, journal, signal });
  }
}
