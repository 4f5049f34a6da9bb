import { CLOUD_KINDS, kindOfArmType, OWNER_TAGS, resourceGroupId, resourceId, sameId, tagOf } from '@landfall/domain';
import type { Kernel } from '../kernel.js';
import type { Random } from '../random.js';
import { busy, lunTaken, notFound, ownedBy, refused, underAccess, type Answer, type ArmCall } from './answers.js';
import { moved, readMove } from './disk-moves.js';
import {
  fresh,
  newOsDisk,
  shown,
  type AnyResource,
  type DiskResource,
  type GroupResource,
  type NetworkResource,
  type NicResource,
  type SecurityGroupResource,
  type SnapshotResource,
  type VmResource,
} from './resources.js';
import {
  denyingPolicy,
  hasSubnet,
  isFree,
  MOST_DATA_DISKS,
  readSubscription,
  requireGroup,
  type Holdings,
  type Lock,
  type Network,
  type Policy,
} from './subscription.js';

/*
 * Azure Resource Manager in memory: disks, network interfaces and virtual machines with their rules, and operations
 * that take a while and may end badly. Landfall's own adapter, on the real client, talks to it.
 */
export interface AzureFaults {
  /** Of each operation: it ends badly, and leaves nothing or something broken. */
  lateFailure: number;
  /** Of what is made: a GET does not find it for some seconds. */
  hidden: number;
}

/** Whether a request comes from Landfall, or from somebody at Azure's own portal. */
export type Asker = 'landfall' | 'somebody';

/** By the IDs of disks and snapshots. */
export interface BytesFollow {
  /** Null: it is empty. */
  made(id: string, from: string | null): void;
  moved(from: string, to: string): void;
  gone(resource: DiskResource): void;
}

interface Operation {
  readonly id: string;
  status: 'InProgress' | 'Succeeded' | 'Failed' | 'Canceled';
  error: { readonly code: string; readonly message: string } | null;
  output: unknown;
}

const BASE = 'https://arm.simulated';
const LATE_FAILURES = [
  { code: 'InternalExecutionError', message: 'An internal execution error occurred.' },
  { code: 'OperationPreempted', message: 'The operation was preempted by a more recent one.' },
  { code: 'AllocationFailed', message: 'Allocation failed.' },
] as const;

export class MemoryAzure {
  faults: AzureFaults = { lateFailure: 0, hidden: 0 };
  readonly resources = new Map<string, AnyResource>();
  readonly networks: Network[] = [];
  /** Those against deletion keep what they are set on from being deleted. */
  locks: readonly Lock[] = [];
  policies: readonly Policy[] = [];
  /** When each request came, for the budget. */
  readonly calls: { readonly at: number; readonly method: string }[] = [];
  /** Told when a VM has begun to run, and when it has stopped; `changes`: it did not before. */
  onPower: (vm: VmResource, running: boolean, changes: boolean) => void = () => undefined;
  /** Told of everything that becomes of a disk's bytes, or a snapshot's. */
  onBytes: BytesFollow = { made: () => undefined, moved: () => undefined, gone: () => undefined };
  /** Told of each deletion that Azure has accepted, and who has asked for it. */
  onDelete: (resource: AnyResource, by: Asker) => void = () => undefined;
  readonly #operations = new Map<string, Operation>();
  #addresses = 4;
  #instances = 0;
  #disks = 0;

  constructor(
    private readonly kernel: Kernel,
    readonly subscriptionId: string,
  ) {}

  /** Puts something there that nobody asked for. */
  plant(resource: AnyResource): void {
    this.resources.set(resource.id.toLowerCase(), resource);
  }

  /** A resource group with a network, as somebody has made them beforehand. */
  plantPlace(resourceGroup: string): Network {
    const id = resourceGroupId(this.subscriptionId, resourceGroup);
    this.plant({ ...fresh(id, {}), kind: 'resource-group', provisioningState: 'Succeeded' });
    const network = {
      id: `${id}/providers/Microsoft.Network/virtualNetworks/net`,
      subnets: [{ name: 'machines', prefix: '10.0.0.0/24' }],
    };
    this.networks.push(network);
    return network;
  }

  /** Somebody removes the VM of a worker, if there is one that nothing else is done to. */
  removeByHand(random: Random): void {
    const idle = [...this.resources.values()].filter(
      (each) => each.kind === 'vm' && tagOf(each.tags, OWNER_TAGS.role) === 'worker' && !isBusy(each),
    );
    const worker = random.pick(idle);
    if (worker !== undefined) this.#delete(worker, 'somebody');
  }

  handle(call: ArmCall, by: Asker = 'landfall'): Answer {
    this.calls.push({ at: this.kernel.now, method: call.method });
    const operation = /\/(?:Disk)?Operations\/([^/]+)$/i.exec(call.path);
    if (operation) return this.#poll(operation[1]!, call.query.get('monitor') === 'true');
    const move = /^(\/subscriptions\/[^/]+\/resourceGroups\/[^/]+)\/(moveResources|validateMoveResources)$/i.exec(
      call.path,
    );
    if (move) return this.#move(move[1]!, /^validate/i.test(move[2]!), call);
    const listed = readSubscription(call, this.#holdings);
    if (listed !== null) return listed;
    const path =
      /^(.*\/providers\/Microsoft\.(?:Compute|Network)\/(\w+)\/[^/]+)(?:\/(\w+))?$/i.exec(call.path) ??
      /^(\/subscriptions\/[^/]+\/(resourceGroups)\/[^/]+)$/i.exec(call.path);
    const [, id = '', type = '', action] = path ?? [];
    const known = this.resources.get(id.toLowerCase());
    if (call.method !== 'GET' && this.#isClosed(id)) return busy(id);
    if (action === 'extensions' && known !== undefined) return { status: 200, body: { value: [] } };
    if (action !== undefined) return known === undefined ? notFound(id) : this.#act(known, action, call);
    switch (call.method) {
      case 'GET':
        return known === undefined || known.hiddenUntil > this.kernel.now
          ? notFound(id)
          : { status: 200, body: shown(known) };
      case 'PUT':
        return this.#put(id, type.toLowerCase(), known, call);
      case 'PATCH':
        return known === undefined ? notFound(id) : this.#patch(known, call);
      case 'DELETE':
        return known === undefined ? { status: 204 } : this.#delete(known, by);
      default:
        return refused(405, 'MethodNotAllowed', 'No.');
    }
  }

  /** While anything is moved out of a group or into it, nothing in it can be changed. */
  #isClosed(id: string): boolean {
    const group = id.split('/').slice(0, 5).join('/').toLowerCase();
    return this.resources.get(group)?.provisioningState === 'MovingResources';
  }

  get #holdings(): Holdings {
    const { subscriptionId, resources, networks, locks, policies } = this;
    return { now: this.kernel.now, subscriptionId, resources, networks, locks, policies };
  }

  #put(id: string, type: string, known: AnyResource | undefined, call: ArmCall): Answer {
    if (type === 'resourcegroups') return this.#putGroup(id, known, call);
    const group = requireGroup(id, this.#holdings);
    if ('status' in group) return group;
    if (known !== undefined && call.onlyIfNew === true) {
      return refused(412, 'PreconditionFailed', `The condition 'If-None-Match: *' is not met: '${id}' exists.`);
    }
    const kind = kindOfArmType(/\/providers\/([^/]+\/[^/]+)\//.exec(id)?.[1] ?? '');
    const policy = kind === null ? null : denyingPolicy(id, kind, this);
    if (policy !== null) {
      return refused(403, 'RequestDisallowedByPolicy', `Resource '${id}' was disallowed by policy '${policy.name}'.`);
    }
    if (known !== undefined) return this.#update(known, call);
    const make = {
      disks: () => this.#newDisk(id, call),
      snapshots: () => this.#newSnapshot(id, call),
      networkinterfaces: () => this.#newNic(id, call),
      virtualnetworks: () => newNetwork(id, call),
      networksecuritygroups: () => newSecurityGroup(id, call),
    }[type];
    const made = make ? make() : this.#newVm(id, call);
    if ('status' in made) return made;
    const { random, now } = this.kernel;
    made.hiddenUntil = random.chance(this.faults.hidden) ? now + random.between(500, 8_000) : 0;
    this.resources.set(id.toLowerCase(), made);
    return this.#accept(made, 201, {
      done: () => {
        made.provisioningState = 'Succeeded';
        if (made.kind === 'vm') this.#power(made, true);
      },
      failed: () => {
        made.provisioningState = 'Failed';
        if (random.chance(0.5)) this.#vanish(made);
      },
    });
  }

  /** At once: no operation. */
  #putGroup(id: string, known: AnyResource | undefined, { body }: ArmCall): Answer {
    if (known?.provisioningState === 'Deleting') {
      return refused(
        409,
        'ResourceGroupBeingDeleted',
        `The resource group '${known.name}' is in deprovisioning state.`,
      );
    }
    if (known !== undefined && known.location !== body.location) {
      return refused(409, 'InvalidResourceGroupLocation', `The Resource group already exists in '${known.location}'.`);
    }
    const group = { ...fresh(id, body), kind: 'resource-group' as const, provisioningState: 'Succeeded' as const };
    this.resources.set(id.toLowerCase(), group);
    return { status: known === undefined ? 201 : 200, body: shown(group) };
  }

  /** A PUT on what exists changes what can be changed, and leaves the rest: who holds it, what it is used for. */
  #update(known: AnyResource, { body }: ArmCall): Answer {
    if (isBusy(known)) return busy(known.name);
    const { customData } = (body.properties as Partial<VmBody>).osProfile ?? {};
    if (known.kind === 'vm' && customData !== undefined && customData !== known.customData) {
      return refused(409, 'PropertyChangeNotAllowed', "Changing property 'osProfile.customData' is not allowed.");
    }
    const { privateIPAddress, privateIPAllocationMethod } =
      (body.properties as Partial<NicBody>).ipConfigurations?.[0]?.properties ?? {};
    if (known.kind === 'nic' && privateIPAllocationMethod === 'Static' && privateIPAddress !== known.address) {
      return refused(
        400,
        'PrivateIPAddressNotProvided',
        `${known.name} is to have another address, which is not taken here.`,
      );
    }
    const hadFailed = known.provisioningState === 'Failed';
    known.provisioningState = 'Updating';
    return this.#accept(known, 200, {
      done: () => {
        known.provisioningState = 'Succeeded';
        known.tags = { ...(body.tags as Record<string, string> | undefined) };
        if (known.kind === 'nic') known.allocation = privateIPAllocationMethod ?? 'Dynamic';
        if (known.kind === 'vm' && hadFailed) this.#power(known, true);
      },
      failed: () => {
        known.provisioningState = hadFailed ? 'Failed' : 'Succeeded';
      },
    });
  }

  #newDisk(id: string, { body }: ArmCall): DiskResource | Answer {
    const { diskSizeGB = 0, creationData } = body.properties as DiskBody;
    const { uploadSizeBytes, sourceResourceId } = creationData;
    const source = this.resources.get(sourceResourceId?.toLowerCase() ?? '');
    if (sourceResourceId !== undefined && (source === undefined || !hasBytes(source)))
      return notFound(sourceResourceId);
    if (source?.kind === 'disk' && /Upload$/.test(source.diskState)) return underAccess(source);
    const asked = uploadSizeBytes ? uploadSizeBytes - 512 : diskSizeGB * 2 ** 30;
    const sizeBytes = source !== undefined && hasBytes(source) ? source.sizeBytes : asked;
    const origin = source === undefined ? {} : { sourceId: source.id };
    const sku = (body.sku as { name: string }).name;
    const { zones } = body as { zones?: readonly string[] };
    if (zones !== undefined && sku.endsWith('_ZRS')) {
      return refused(409, 'OperationNotAllowed', `A disk with sku '${sku}' cannot be created in an availability zone.`);
    }
    const diskState = uploadSizeBytes ? 'ReadyToUpload' : 'Unattached';
    const uniqueId = this.#nextUniqueId();
    this.onBytes.made(id, source?.id ?? null);
    return { ...fresh(id, body), kind: 'disk', uniqueId, ...origin, sizeBytes, sku, zones, diskState, managedBy: null };
  }

  #nextUniqueId(): string {
    return `00000000-0000-4000-9000-${String(++this.#disks).padStart(12, '0')}`;
  }

  #newSnapshot(id: string, { body }: ArmCall): SnapshotResource | Answer {
    const { sourceResourceId: sourceId } = (body.properties as { creationData: { sourceResourceId: string } })
      .creationData;
    const disk = this.resources.get(sourceId.toLowerCase());
    if (disk?.kind !== 'disk') return notFound(sourceId);
    const takenAt = new Date(this.kernel.now).toISOString();
    const { sizeBytes } = disk;
    // Of this moment, however long it takes.
    this.onBytes.made(id, disk.id);
    return { ...fresh(id, body), kind: 'snapshot', sizeBytes, sourceId: disk.id, takenAt, diskState: 'Unattached' };
  }

  #newNic(id: string, { body }: ArmCall): NicResource | Answer {
    const { ipConfigurations } = body.properties as NicBody;
    const {
      subnet,
      privateIPAddress: address,
      privateIPAllocationMethod = 'Dynamic',
    } = ipConfigurations[0]!.properties;
    if (!hasSubnet(subnet.id, this.#holdings)) {
      return refused(400, 'InvalidResourceReference', `Resource ${subnet.id} referenced by ${id} was not found.`);
    }
    if (!isFree(address, this.#holdings))
      return refused(400, 'PrivateIPAddressInUse', `The address ${address} is in use.`);
    const given = address ?? `10.0.0.${this.#addresses++}`;
    const own = {
      subnetId: subnet.id,
      address: given,
      allocation: privateIPAllocationMethod,
      guid: this.#nextUniqueId(),
    };
    return { ...fresh(id, body), kind: 'nic', ...own, vmId: null };
  }

  #newVm(id: string, { body }: ArmCall): VmResource | Answer {
    const properties = body.properties as VmBody;
    const { osDisk } = properties.storageProfile;
    const nicId = properties.networkProfile.networkInterfaces[0]!.id;
    const nic = this.resources.get(nicId.toLowerCase());
    if (nic?.kind !== 'nic' || nic.provisioningState === 'Deleting') return notFound(nicId);
    if (nic.vmId !== null) return refused(409, 'NicInUse', `${nicId} is in use by ${nic.vmId}.`);
    const group = id.split('/')[4] ?? '';
    const fromImage = osDisk.createOption === 'FromImage';
    const osDiskId = fromImage
      ? resourceId(this.subscriptionId, group, 'disk', osDisk.name ?? 'os')
      : osDisk.managedDisk.id!;
    const disk = this.resources.get(osDiskId.toLowerCase());
    if (fromImage && disk !== undefined) {
      return refused(409, 'ConflictingUserInput', `Disk ${osDiskId} exists already.`);
    }
    if (!fromImage && disk?.kind !== 'disk') return notFound(osDiskId);
    if (!fromImage && disk?.kind === 'disk' && disk.managedBy !== null) return ownedBy(disk);
    if (!fromImage && disk?.kind === 'disk' && /Upload$|^Active/.test(disk.diskState)) return underAccess(disk);
    const dataDisks: { diskId: string; lun: number }[] = [];
    for (const { lun, managedDisk } of properties.storageProfile.dataDisks ?? []) {
      const data = this.resources.get(managedDisk.id.toLowerCase());
      if (data?.kind !== 'disk') return notFound(managedDisk.id);
      if (data.managedBy !== null) return ownedBy(data);
      if (/Upload$|^Active/.test(data.diskState)) return underAccess(data);
      if (dataDisks.some((each) => each.lun === lun)) return lunTaken(lun);
      dataDisks.push({ diskId: data.id, lun });
    }
    for (const { diskId } of dataDisks) {
      this.#setHolder(this.resources.get(diskId.toLowerCase()) as DiskResource, id);
    }
    // Azure makes it along with the VM, and does not tag it.
    const os = fromImage ? newOsDisk(osDiskId, this.#nextUniqueId()) : (disk as DiskResource);
    this.#setHolder(os, id);
    this.resources.set(osDiskId.toLowerCase(), os);
    nic.vmId = id;
    return {
      ...fresh(id, body),
      kind: 'vm',
      instanceId: `instance-${++this.#instances}`,
      size: properties.hardwareProfile.vmSize,
      customData: properties.osProfile?.customData ?? '',
      environment: environmentIn(properties.osProfile?.customData),
      osDiskId,
      osDiskGoesAlong: osDisk.deleteOption === 'Delete',
      dataDisks,
      nicId,
      power: 'running',
    };
  }

  #patch(known: AnyResource, { body }: ArmCall): Answer {
    if (isBusy(known)) return busy(known.name);
    known.provisioningState = 'Updating';
    return this.#accept(known, 202, {
      done: () => {
        known.provisioningState = 'Succeeded';
        if (typeof body.tags === 'object') known.tags = body.tags as Record<string, string>;
        const properties = body.properties as Partial<VmBody> | undefined;
        const option = properties?.storageProfile?.osDisk?.deleteOption;
        if (known.kind === 'vm' && option !== undefined) known.osDiskGoesAlong = option === 'Delete';
      },
      failed: () => {
        known.provisioningState = 'Succeeded';
      },
    });
  }

  #delete(known: AnyResource, by: Asker): Answer {
    if (isBusy(known)) return busy(known.name);
    const lock = this.locks.find(({ scope, level }) => level === 'CanNotDelete' && isWithin(known.id, scope));
    if (lock !== undefined) {
      const message = `The scope '${known.id}' cannot perform delete operation because following scope(s) are locked: '${lock.scope}'.`;
      return refused(409, 'ScopeLocked', message);
    }
    if (known.kind === 'disk' && known.managedBy !== null) {
      return refused(409, 'OperationNotAllowed', `Disk ${known.name} is attached to VM ${known.managedBy}.`);
    }
    if (hasBytes(known) && /^Active/.test(known.diskState)) return underAccess(known);
    if (known.kind === 'nic' && known.vmId !== null) return refused(409, 'NicInUse', `${known.name} is in use.`);
    const user = networkUserOf(known, this.resources);
    if (user !== undefined) return refused(400, 'InUseSubnetCannotBeDeleted', `${known.name} is in use by ${user.id}.`);
    known.provisioningState = 'Deleting';
    this.onDelete(known, by);
    const ran = known.kind === 'vm' && known.power === 'running';
    if (known.kind === 'vm') this.#power(known, false);
    return this.#accept(known, 202, {
      done: () => {
        // Whoever does so at the portal goes on with its disks.
        const keepsDisk = by === 'somebody' && tagOf(known.tags, OWNER_TAGS.role) !== 'worker';
        if (known.kind === 'vm' && keepsDisk) known.osDiskGoesAlong = false;
        this.#vanish(known);
      },
      failed: () => {
        known.provisioningState = 'Succeeded';
        if (known.kind === 'vm' && ran) this.#power(known, true);
      },
    });
  }

  /** One that ends badly may have moved some. */
  #move(fromId: string, isAsked: boolean, { body }: ArmCall): Answer {
    const move = readMove(fromId, body, this.resources);
    if ('refusal' in move) return move.refusal;
    const { from, to, disks } = move;
    const groups = isAsked ? [] : [from, to];
    for (const group of groups) group.provisioningState = 'MovingResources';
    const end = (count: number) => (): void => {
      for (const group of groups) group.provisioningState = 'Succeeded';
      for (const disk of isAsked ? [] : disks.slice(0, count)) {
        this.resources.delete(disk.id.toLowerCase());
        const there = moved(disk, to);
        this.plant(there);
        this.onBytes.moved(disk.id, there.id);
      }
    };
    return this.#accept(from, 202, { done: end(disks.length), failed: end(Math.floor(disks.length / 2)) });
  }

  #act(known: AnyResource, action: string, call: ArmCall): Answer {
    // Nothing is printed here.
    if (action === 'retrieveBootDiagnosticsData') return { status: 200, body: {} };
    if (isBusy(known)) return busy(known.name);
    const change = known.kind === 'vm' ? this.#vmAction(known, action, call) : this.#diskAction(known, action, call);
    if ('status' in change) return change;
    known.provisioningState = 'Updating';
    const failed = (): void => {
      known.provisioningState = 'Succeeded';
    };
    const done = (): unknown => {
      known.provisioningState = 'Succeeded';
      return change.done();
    };
    return this.#accept(known, 202, { done, failed });
  }

  #vmAction(vm: VmResource, action: string, { body }: ArmCall): Answer | { done: () => unknown } {
    switch (action.toLowerCase()) {
      case 'start':
        return { done: () => this.#power(vm, true) };
      case 'deallocate':
        return { done: () => this.#power(vm, false) };
      default:
        return this.#attachDetach(vm, body as Attachments);
    }
  }

  #attachDetach(vm: VmResource, { dataDisksToAttach = [], dataDisksToDetach = [] }: Attachments) {
    if (vm.dataDisks.length + dataDisksToAttach.length > MOST_DATA_DISKS) {
      const most = `The maximum number of data disks allowed to be attached to a VM of this size is ${MOST_DATA_DISKS}.`;
      return refused(409, 'OperationNotAllowed', most);
    }
    for (const { diskId, lun } of dataDisksToAttach) {
      const disk = this.resources.get(diskId.toLowerCase());
      if (disk?.kind !== 'disk') return notFound(diskId);
      if (disk.managedBy !== null) return ownedBy(disk);
      if (isBusy(disk)) return busy(disk.name);
      const taken = vm.dataDisks.some((each) => each.lun === lun);
      if (taken) return lunTaken(lun);
    }
    return {
      done: () => {
        const gone = dataDisksToDetach.map(({ diskId }) => diskId.toLowerCase());
        vm.dataDisks = vm.dataDisks.filter(({ diskId }) => !gone.includes(diskId.toLowerCase()));
        for (const id of gone) this.#release(id, vm.id);
        for (const { diskId, lun } of dataDisksToAttach) {
          const disk = this.resources.get(diskId.toLowerCase());
          if (disk?.kind !== 'disk' || disk.managedBy !== null) continue;
          this.#setHolder(disk, vm.id);
          vm.dataDisks.push({ diskId: disk.id, lun });
        }
      },
    };
  }

  #diskAction(resource: AnyResource, action: string, { body }: ArmCall): Answer | { done: () => unknown } {
    if (!hasBytes(resource)) return refused(400, 'BadRequest', 'No such action.');
    if (action === 'endGetAccess') {
      return {
        done: () => {
          if (!/^Active/.test(resource.diskState)) return;
          resource.diskState = 'Unattached';
          resource.accessSas = null;
        },
      };
    }
    const writes = body.access === 'Write';
    if (writes && !/Upload$/.test(resource.diskState)) {
      return refused(409, 'OperationNotAllowed', `${resource.name} does not wait for an upload.`);
    }
    if (!writes && !/^(Unattached|ActiveSAS)$/.test(resource.diskState)) {
      return refused(409, 'OperationNotAllowed', `${resource.name} is ${resource.diskState}.`);
    }
    return {
      done: () => {
        resource.diskState = writes ? 'ActiveUpload' : 'ActiveSAS';
        // One that runs is given again.
        resource.accessSas ??= `https://disks.simulated/${resource.name}?number=${this.kernel.steps}&sig=canary-sas`;
        return { accessSAS: resource.accessSas };
      },
    };
  }

  /** An operation that goes on for a while, and ends well or badly. */
  #accept(resource: AnyResource, status: number, ends: { done: () => unknown; failed: () => void }): Answer {
    const { random } = this.kernel;
    const id = `op-${this.#operations.size + 1}`;
    const operation: Operation = { id, status: 'InProgress', error: null, output: null };
    this.#operations.set(id, operation);
    const takes = random.chance(0.1) ? random.between(5_000, 60_000) : random.between(20, 2_000);
    this.kernel.schedule(takes, `${resource.kind} operation ${id} ends`, null, () => {
      const failure = random.chance(this.faults.lateFailure) ? random.pick(LATE_FAILURES) : undefined;
      operation.status = failure === undefined ? 'Succeeded' : 'Failed';
      if (failure?.code === 'OperationPreempted') operation.status = 'Canceled';
      operation.error = failure ?? null;
      if (failure === undefined) operation.output = ends.done() ?? null;
      else ends.failed();
      this.kernel.say(`${id} on ${resource.name}: ${operation.status}${failure ? `, ${failure.code}` : ''}`);
    });
    const collection = hasBytes(resource) ? 'DiskOperations' : 'operations';
    const provider = CLOUD_KINDS[resource.kind].armType.split('/')[0] ?? '';
    const url = `${BASE}/subscriptions/${this.subscriptionId}/providers/${provider}/locations/westeurope/${collection}/${id}?api-version=1`;
    const headers = { 'azure-asyncoperation': url, ...(status === 202 ? { location: `${url}&monitor=true` } : {}) };
    return { status, headers, ...(status === 202 ? {} : { body: shown(resource) }) };
  }

  #poll(id: string, monitor: boolean): Answer {
    const operation = this.#operations.get(id);
    if (operation === undefined) return notFound(id);
    const { status, error, output } = operation;
    if (!monitor) {
      const properties = status === 'Succeeded' && output !== null ? { properties: { output } } : {};
      return { status: 200, body: { name: id, status, ...properties, ...(error ? { error } : {}) } };
    }
    if (status === 'InProgress') return { status: 202 };
    return error === null ? { status: 200, body: output ?? {} } : { status: 409, body: { error } };
  }

  #vanish(resource: AnyResource): void {
    this.resources.delete(resource.id.toLowerCase());
    if (resource.kind === 'resource-group') this.#empty(resource);
    if (resource.kind === 'disk') this.onBytes.gone(resource);
    if (resource.kind !== 'vm') return;
    this.#power(resource, false);
    for (const { diskId } of resource.dataDisks) this.#release(diskId, resource.id);
    this.#release(resource.osDiskId, resource.id);
    const osDisk = this.resources.get(resource.osDiskId.toLowerCase());
    if (resource.osDiskGoesAlong && osDisk !== undefined) this.#vanish(osDisk);
    const nic = this.resources.get(resource.nicId.toLowerCase());
    if (nic?.kind === 'nic' && nic.vmId === resource.id) nic.vmId = null;
  }

  /** What lies in a group goes with it, whosever it is. */
  #empty({ id }: GroupResource): void {
    for (const each of [...this.resources.values()]) {
      if (each.id.toLowerCase().startsWith(`${id.toLowerCase()}/`)) this.#vanish(each);
    }
  }

  #release(diskId: string, vmId: string): void {
    const disk = this.resources.get(diskId.toLowerCase());
    if (disk?.kind !== 'disk' || disk.managedBy !== vmId) return;
    this.#setHolder(disk, null);
  }

  #setHolder(disk: DiskResource, managedBy: string | null): void {
    disk.managedBy = managedBy;
    disk.diskState = managedBy === null ? 'Unattached' : 'Attached';
    disk.ownershipUpdatedAt = new Date(this.kernel.now).toISOString();
  }

  #power(vm: VmResource, running: boolean): void {
    const power = running ? 'running' : 'deallocated';
    const changes = power !== vm.power;
    const held = !changes ? [] : [vm.osDiskId, ...vm.dataDisks.map(({ diskId }) => diskId)];
    for (const id of held) {
      const disk = this.resources.get(id.toLowerCase());
      if (disk?.kind === 'disk' && disk.managedBy === vm.id) this.#setHolder(disk, vm.id);
    }
    vm.power = power;
    this.onPower(vm, running, changes);
  }
}

interface DiskBody {
  diskSizeGB?: number;
  creationData: { uploadSizeBytes?: number; sourceResourceId?: string };
}

interface VmBody {
  hardwareProfile: { vmSize: string };
  storageProfile: {
    osDisk: { createOption: string; name?: string; managedDisk: { id?: string }; deleteOption?: string };
    dataDisks?: { lun: number; managedDisk: { id: string } }[];
  };
  networkProfile: { networkInterfaces: { id: string }[] };
  osProfile?: { customData?: string };
}

interface NicBody {
  ipConfigurations: {
    properties: {
      subnet: { id: string };
      privateIPAddress?: string;
      privateIPAllocationMethod?: 'Dynamic' | 'Static';
    };
  }[];
}

interface SubnetBody {
  name: string;
  properties: {
    addressPrefix?: string;
    networkSecurityGroup?: { id: string };
    defaultOutboundAccess?: boolean;
  };
}

interface Attachments {
  dataDisksToAttach?: { diskId: string; lun: number }[];
  dataDisksToDetach?: { diskId: string }[];
}

function newNetwork(id: string, { body }: ArmCall): NetworkResource {
  const { subnets = [] } = body.properties as { subnets?: SubnetBody[] };
  return {
    ...{ ...fresh(id, body), kind: 'network' },
    subnets: subnets.map(({ name, properties }) => ({
      ...{ name, prefix: properties.addressPrefix ?? '' },
      securityGroupId: properties.networkSecurityGroup?.id ?? null,
      hasWayOut: properties.defaultOutboundAccess !== false,
    })),
  };
}

function newSecurityGroup(id: string, { body }: ArmCall): SecurityGroupResource {
  const { securityRules = [] } = body.properties as { securityRules?: unknown[] };
  return { ...fresh(id, body), kind: 'security-group', securityRules };
}

/** What holds a network, or a security group, while it is there. */
function networkUserOf(
  { id, kind }: AnyResource,
  resources: ReadonlyMap<string, AnyResource>,
): AnyResource | undefined {
  return [...resources.values()].find((each) =>
    kind === 'network'
      ? each.kind === 'nic' && isWithin(each.subnetId, id)
      : kind === 'security-group' &&
        each.kind === 'network' &&
        each.subnets.some(({ securityGroupId }) => securityGroupId !== null && sameId(securityGroupId, id)),
  );
}

function hasBytes(resource: AnyResource): resource is DiskResource | SnapshotResource {
  return resource.kind === 'disk' || resource.kind === 'snapshot';
}

function isWithin(id: string, scope: string): boolean {
  return `${id.toLowerCase()}/`.startsWith(`${scope.toLowerCase()}/`);
}

function isBusy(resource: AnyResource): boolean {
  return !['Succeeded', 'Failed'].includes(resource.provisioningState);
}

function environmentIn(customData: string | undefined): Record<string, string> {
  const lines = Buffer.from(customData ?? '', 'base64')
    .toString()
    .split('\n')
    .filter(Boolean);
  return Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]));
}
