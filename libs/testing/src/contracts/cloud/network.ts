import { expect, describe, it } from '@jest/globals';
import assert from 'node:assert/strict';
import { hasCode, restoreIn, type CloudSubject } from './subject.js';

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
}
