import { expect, describe, it } from '@jest/globals';
import assert from 'node:assert/strict';
import { ISOLATED_PREFIX } from '@landfall/domain';
import { MemoryJournal } from '../../doubles/memory-journal.js';
import { hasCode, restoreIn, states, type CloudSubject } from './subject.js';

/** What every `CloudNetwork` keeps to. */
export function networkContract(get: () => CloudSubject): void {
  describe('network interfaces', () => {
    it('takes the address that was asked for, and refuses to give it out twice', async () => {
      const subject = get();
      const { cloud } = subject;
      const { nic, journal } = restoreIn(subject);
      expect(await cloud.reader.addressIsFree(subject.subnetId, subject.freeAddress)).toBe(true);
      const made = await cloud.network.ensureNic(nic('fixed', subject.freeAddress), journal);
      expect(made.privateAddresses).toStrictEqual([subject.freeAddress]);
      expect(await cloud.reader.addressIsFree(subject.subnetId, subject.freeAddress)).toBe(false);
      await assert.rejects(
        cloud.network.ensureNic(nic('second', subject.freeAddress), journal),
        hasCode('IP_IN_USE', 'permanent'),
      );
    });

    it('says that there is no such subnet', async () => {
      const subject = get();
      const { cloud } = subject;
      const { nic, journal } = restoreIn(subject);
      const spec = { ...nic('lost'), subnetId: subject.subnetId.replace(/[^/]+$/, 'none') };
      await assert.rejects(cloud.network.ensureNic(spec, journal), hasCode('NETWORK_NOT_FOUND', 'permanent'));
    });
  });

  describe('isolated networks', () => {
    it('are made with what closes them, are the same when asked for again, and hold a network interface', async () => {
      const subject = get();
      const { cloud } = subject;
      const { place, nic, journal, tags } = restoreIn(subject);
      const spec = place('closed', 'isolated-network');
      const subnet = await cloud.network.ensureIsolated(spec, journal);
      expect(subnet.prefixes).toStrictEqual([ISOLATED_PREFIX]);
      expect((await cloud.network.ensureIsolated(spec, journal)).azureId).toBe(subnet.azureId);
      const ids = [
        ['network', cloud.reader.networkId(subject.resourceGroup, spec.name)],
        ['security-group', cloud.reader.securityGroupId(subject.resourceGroup, `${spec.name}-nsg`)],
      ] as const;
      for (const [kind, id] of ids) {
        const found = await cloud.reader.resource(kind, id);
        expect([found?.kind, found?.tags]).toStrictEqual([kind, tags('isolated-network')]);
      }
      const card = await cloud.network.ensureNic({ ...nic('closed-nic'), subnetId: subnet.azureId }, journal);
      expect((await cloud.reader.subnetsOf(ids[0][1])).map(({ azureId }) => azureId)).toStrictEqual([subnet.azureId]);
      const [network, group] = ids.map(([, azureId]) => ({ azureId, tags: tags('isolated-network') }));
      assert.ok(network && group);
      await assert.rejects(cloud.network.removeNetwork(network, new MemoryJournal(journal.ownerId)));
      await cloud.network.removeNic({ azureId: card.azureId, tags: tags('nic') }, journal);
      expect(await cloud.network.removeNetwork(network, journal)).toBe(true);
      expect(await cloud.network.removeSecurityGroup(group, journal)).toBe(true);
      expect(await cloud.network.removeNetwork(network, journal)).toBe(false);
      expect(await cloud.network.removeSecurityGroup(group, journal)).toBe(false);
      expect(states(journal).every(([, state]) => state === 'removed')).toBe(true);
    });

    it('of somebody else are neither taken nor removed', async () => {
      const subject = get();
      const { cloud } = subject;
      const [ours, theirs] = [restoreIn(subject), restoreIn(subject)];
      const spec = ours.place('theirs', 'isolated-network');
      const foreign = { ...spec, tags: theirs.tags('isolated-network') };
      await cloud.network.ensureIsolated(foreign, theirs.journal);
      await assert.rejects(cloud.network.ensureIsolated(spec, ours.journal), hasCode('RESOURCE_FOREIGN', 'permanent'));
      const azureId = cloud.reader.networkId(subject.resourceGroup, spec.name);
      const owned = { azureId, tags: ours.tags('isolated-network') };
      await assert.rejects(cloud.network.removeNetwork(owned, ours.journal), hasCode('RESOURCE_FOREIGN', 'permanent'));
    });
  });
}
