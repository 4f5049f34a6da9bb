import {
  RetryableError,
  type CallIntent,
  type CallJournal,
  type CloudDisk,
  type CloudGroups,
  type CloudResourceGroup,
  type DiskMove,
  type GroupSpec,
  type MoveObstacle,
  type MoveWish,
  type Owned,
  sameId,
} from '@landfall/domain';
import type { MemoryReader } from './memory-reader.js';
import { CHANGES_OURS, nameOf, REMOVES_OURS, type MemorySubscription } from './memory-subscription.js';
import { refuse, requireTags, underAccess } from './refusals.js';

export class MemoryGroups implements CloudGroups {
  constructor(
    private readonly subscription: MemorySubscription,
    private readonly reader: MemoryReader,
  ) {}

  ensure(spec: GroupSpec, journal: CallJournal): Promise<CloudResourceGroup> {
    const { name, region, tags, role, purpose } = spec;
    const { groups } = this.subscription;
    const azureId = this.reader.resourceGroupId(name);
    const effect = { creates: { kind: 'resource-group', role, purpose } } as const;
    const call = { key: `resource-group.create:${name}`, azureId, effect };
    return this.subscription.recorded('groups.ensure', call, journal, () => {
      const known = groups.get(name.toLowerCase());
      if (known === undefined) return this.subscription.newGroup(name, region, tags);
      requireTags(known, tags);
      if (known.region !== region) throw refuse('RESOURCE_CHANGED', `${azureId} is in another region.`);
      return known;
    });
  }

  remove({ azureId, tags }: Owned, journal: CallJournal): Promise<boolean> {
    const { subscription } = this;
    const name = nameOf(azureId);
    const call = { key: `resource-group.delete:${azureId.toLowerCase()}`, azureId, effect: REMOVES_OURS };
    return subscription.recorded('groups.remove', call, journal, () => {
      const group = subscription.groups.get(name.toLowerCase());
      if (group === undefined) return false;
      requireTags(group, tags);
      const inside = subscription.contentsOf(name)[0];
      if (inside !== undefined) throw notEmpty(name, inside);
      return subscription.groups.delete(name.toLowerCase());
    });
  }

  async validateMove({ from, to, diskIds }: MoveWish): Promise<readonly MoveObstacle[]> {
    this.subscription.requireGroup(from);
    this.subscription.requireGroup(to);
    if (sameId(from, to))
      return [lasting('ConflictingUserInput', 'Source and destination resource groups are the same.')];
    const disks = diskIds.map((id) => this.subscription.require(this.subscription.disks, id));
    return disks.flatMap((disk) => this.#obstacleTo(disk, to) ?? []);
  }

  async moveDisks({ from, to, disks }: DiskMove, journal: CallJournal): Promise<readonly CloudDisk[]> {
    const { subscription } = this;
    if (disks.length === 0) return [];
    const moves = disks.map((disk) => ({ ...disk, target: this.reader.diskId(to, nameOf(disk.azureId)) }));
    const intents = moves.map(({ azureId, target }) => moveOf(azureId, target));
    for (const intent of intents) await journal.begin(intent);
    const key = `disks.move:${from.toLowerCase()}:${to.toLowerCase()}`;
    const call = { key, azureId: this.reader.resourceGroupId(from), effect: CHANGES_OURS };
    const moved = await subscription.recorded('groups.moveDisks', call, journal, async () => {
      const left = moves.filter((disk) => !this.#isAt(disk.target, disk.uniqueId));
      for (const { azureId, uniqueId } of left)
        if (!this.#isAt(azureId, uniqueId)) throw refuse('DISK_REPLACED', `${azureId} is another disk.`);
      const wish = { from, to, diskIds: left.map(({ azureId }) => azureId) };
      const [obstacle] = left.length === 0 ? [] : await this.validateMove(wish);
      if (obstacle?.passes === true) throw underAccess(obstacle.message);
      if (obstacle !== undefined) throw refuse(obstacle.code, `${obstacle.reason}: ${obstacle.message}`);
      for (const { azureId, target } of left) this.#move(azureId, target, to);
      return moves.map(({ target }) => subscription.require(subscription.disks, target));
    });
    for (const intent of intents) await journal.succeeded(intent.key);
    return moved;
  }

  #isAt(azureId: string, uniqueId: string): boolean {
    return this.subscription.disks.get(azureId.toLowerCase())?.uniqueId === uniqueId;
  }

  #move(azureId: string, target: string, group: string): void {
    const { disks } = this.subscription;
    const disk = this.subscription.require(disks, azureId);
    disks.delete(azureId.toLowerCase());
    disks.set(target.toLowerCase(), { ...disk, azureId: target, resourceGroup: group });
  }

  #obstacleTo({ azureId, name, managedBy, diskState }: CloudDisk, to: string): MoveObstacle | null {
    if (this.subscription.disks.has(this.reader.diskId(to, name).toLowerCase()))
      return lasting('ResourceAlreadyExistsInTarget', `There is a disk ${name} in ${to} already.`);
    if (managedBy !== null) return lasting('MissingMoveDependentResources', `${azureId} goes with ${managedBy}.`);
    if (!/^Active/.test(diskState)) return null;
    const reason = { passes: true, code: 'DISK_SAS_ACTIVE', reason: 'OperationNotAllowed' };
    return { ...reason, message: `${azureId} is under access.`, fix: 'End the access.' };
  }
}

function lasting(reason: string, message: string): MoveObstacle {
  return { passes: false, code: 'MOVE_INVALID', reason, message, fix: 'Change what the message names.' };
}

function moveOf(azureId: string, to: string): CallIntent {
  const key = `disk.move:${azureId.toLowerCase()}`;
  return { key, azureId, operation: 'groups.moveDisks', bodyHash: key, effect: { moves: { to } } };
}

function notEmpty(name: string, azureId: string): RetryableError {
  const message = `The resource group "${name}" is not deleted, because ${azureId} lies in it.`;
  return new RetryableError({ code: 'GROUP_NOT_EMPTY', message, fix: 'Take it out.' });
}
