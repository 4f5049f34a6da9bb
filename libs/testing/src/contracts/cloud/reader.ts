import { expect, describe, it } from '@jest/globals';
import assert from 'node:assert/strict';
import { networkOf } from '@landfall/domain';
import { hasCode, restoreIn, type CloudSubject } from './subject.js';

/** What every `CloudReader` keeps to. */
export function readerContract(get: () => CloudSubject): void {
  describe('reading', () => {
    it('answers null for what does not exist', async () => {
      const subject = get();
      const { cloud } = subject;
      expect(await cloud.reader.disk(cloud.reader.diskId(subject.resourceGroup, 'none'))).toBe(null);
      expect(await cloud.reader.nic(cloud.reader.nicId(subject.resourceGroup, 'none'))).toBe(null);
      expect(await cloud.reader.vm(cloud.reader.vmId(subject.resourceGroup, 'none'))).toBe(null);
      expect(await cloud.reader.resourceGroup('no-such-group')).toBe(null);
      expect(await cloud.reader.subnetsOf(`${networkOf(subject.subnetId)}-none`)).toStrictEqual([]);
      expect(await cloud.reader.subnetsIn('no-such-group')).toStrictEqual([]);
    });

    it('tells the time, which goes on', async () => {
      const { cloud } = get();
      const before = await cloud.reader.now();
      // To the second; the clocks of this machine and of the cloud are the same one here.
      expect(Math.abs(before.getTime() - Date.now())).toBeLessThan(60_000);
      expect((await cloud.reader.now()).getTime()).toBeGreaterThanOrEqual(before.getTime());
    });

    it('knows the region, the resource group, the subnet and the size', async () => {
      const subject = get();
      const { cloud } = subject;
      expect(await cloud.reader.regions()).toContain(subject.region);
      expect((await cloud.reader.resourceGroup(subject.resourceGroup))?.region).toBe(subject.region);
      const subnets = await cloud.reader.subnetsOf(networkOf(subject.subnetId));
      const subnet = subnets.find((each) => each.azureId.toLowerCase() === subject.subnetId.toLowerCase());
      expect(subnet?.region).toBe(subject.region);
      expect(subnet?.prefixes[0] ?? '').toMatch(/^\d+\.\d+\.\d+\.\d+\/\d+$/);
      expect(await cloud.reader.subnetsIn(subnet?.resourceGroup ?? '')).toContainEqual(subnet);
      const size = (await cloud.reader.sizes(subject.region)).find((each) => each.name === subject.smallSize);
      expect(size !== undefined && size.vCpus > 0 && size.generations.includes(1)).toBe(true);
      expect((await cloud.reader.usages(subject.region)).every((usage) => usage.limit >= usage.current)).toBe(true);
      expect(await cloud.reader.providerRegistered('Microsoft.Compute')).toBe(true);
    });

    it('shows of a resource of any kind what all have', async () => {
      const subject = get();
      const { reader } = subject.cloud;
      const { worker, disk, journal } = restoreIn(subject);
      const data = await subject.cloud.disks.ensureEmpty(disk('seen'), journal);
      const { vm } = await worker(subject.cloud);
      const nic = await reader.nic(vm.nicIds[0] ?? '');
      const group = await reader.resourceGroup(subject.resourceGroup);
      for (const [kind, found] of [
        ['disk', data],
        ['vm', vm],
        ['nic', nic],
        ['resource-group', group],
      ] as const) {
        assert.ok(found);
        const { azureId, tags } = found;
        const all = { azureId, kind, tags, region: subject.region, provisioningState: 'Succeeded' };
        expect(await reader.resource(kind, azureId)).toStrictEqual(all);
      }
      expect(await reader.resource('nic', data.azureId)).toBe(null);
      expect(await reader.resource('vm', reader.vmId(subject.resourceGroup, 'none'))).toBe(null);
      expect(await reader.resource('resource-group', reader.resourceGroupId('no-such-group'))).toBe(null);
    });

    it('tells each lock that holds for something, once: set on it, above it, or beneath a resource', async () => {
      const subject = get();
      const { reader, disks } = subject.cloud;
      const { disk, journal, id } = restoreIn(subject);
      const locked = await disks.ensureEmpty(disk('locked'), journal);
      const free = await disks.ensureEmpty(disk('free'), journal);
      const group = reader.resourceGroupId(subject.resourceGroup);
      const subscription = `/subscriptions/${reader.subscriptionId}`;
      const told = async (...ids: string[]) =>
        (await reader.locks(ids))
          .filter(({ name }) => name.endsWith(id))
          .map(({ name, scope, level }) => [name, scope.toLowerCase(), level])
          .sort();
      expect(await told(locked.azureId, group, subscription)).toStrictEqual([]);
      const frozen = [`frozen-${id}`, group.toLowerCase(), 'ReadOnly'];
      const kept = [`kept-${id}`, locked.azureId.toLowerCase(), 'CanNotDelete'];
      const all = [`all-${id}`, subscription.toLowerCase(), 'CanNotDelete'];
      try {
        await subject.lock(locked.azureId, `kept-${id}`, 'CanNotDelete');
        await subject.lock(subscription, `all-${id}`, 'CanNotDelete');
        await subject.lock(group, `frozen-${id}`, 'ReadOnly');
        expect(await told(locked.azureId, free.azureId)).toStrictEqual([all, frozen, kept]);
        expect(await told(free.azureId.toUpperCase())).toStrictEqual([all, frozen]);
        expect(await told(group)).toStrictEqual([all, frozen]);
        expect(await told(subscription)).toStrictEqual([all]);
      } finally {
        for (const [name, scope] of [frozen, all, kept]) await subject.lock(scope ?? '', name ?? '', null);
      }
      expect(await told(locked.azureId)).toStrictEqual([]);
    });

    it('has no locks to tell of what is no ID', async () => {
      const { reader } = get().cloud;
      for (const id of ['', '/subscriptions/s?x=', '/somewhere/else', 'subscriptions/s'])
        await assert.rejects(reader.locks([id]), hasCode('AZURE_ID_INVALID', 'permanent'));
    });

    it('misses no right where all are held, and says of no ID what may be done there', async () => {
      const subject = get();
      const { reader } = subject.cloud;
      const group = reader.resourceGroupId(subject.resourceGroup);
      const actions = ['Microsoft.Compute/disks/write', 'Microsoft.Compute/virtualMachines/delete'];
      expect(await reader.actionsMissing(group, actions)).toStrictEqual([]);
      for (const id of ['', '/somewhere/else', `/subscriptions/${reader.subscriptionId}`])
        await assert.rejects(reader.actionsMissing(id, actions), hasCode('AZURE_ID_INVALID', 'permanent'));
    });
  });
}
