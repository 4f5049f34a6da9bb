import { expect, describe, it } from '@jest/globals';
import assert from 'node:assert/strict';
import type { ToBeMade } from '@landfall/domain';
import { restoreIn, type CloudSubject } from './subject.js';

/** What every `CloudPolicies` keeps to. */
export function policiesContract(get: () => CloudSubject): void {
  describe('policies', () => {
    it('tells by which policy something would be refused if it were made, and makes nothing', async () => {
      const subject = get();
      const { reader, policies, network, disks } = subject.cloud;
      const { disk, nic, vm, journal, place, id } = restoreIn(subject);
      const scope = `/subscriptions/${reader.subscriptionId}`;
      const { resourceGroup: _, zone: _zone, ...group } = place('new', 'staging');
      const saved = await savedMachine();
      const diskIds = { osDiskId: reader.diskId(subject.resourceGroup, 'os'), dataDisks: [] };
      const wanted = [
        { kind: 'disk', spec: disk('wanted'), waitsForUpload: false },
        { kind: 'disk', spec: disk('filled'), waitsForUpload: true },
        {
          kind: 'snapshot',
          spec: { ...place('copy', 'snapshot'), diskId: reader.diskId(subject.resourceGroup, 'os') },
        },
        { kind: 'nic', spec: nic('wanted') },
        { kind: 'vm', spec: vm('wanted', reader.nicId(subject.resourceGroup, 'card'), diskIds.osDiskId) },
        { kind: 'vm-anew', spec: { ...place('web', 'vm'), ...diskIds, saved, instanceId: null } },
        { kind: 'resource-group', spec: group },
      ] as const satisfies readonly ToBeMade[];
      const denied = async () => {
        const answers = await Promise.all(wanted.map((each) => policies.denying(each)));
        assert.deepEqual(answers.map(({ untold }) => untold).filter(Boolean), []);
        return wanted.filter((_each, at) => answers[at]?.denials.some(({ assignmentId }) => assignmentId.endsWith(id)));
      };
      const kinds = async () => (await denied()).map(({ kind }) => kind);
      expect(await kinds()).toStrictEqual([]);
      const policy = { name: `no-${id}`, scope, effect: 'deny' as const };
      try {
        for (const kind of ['disk', 'snapshot', 'nic', 'vm', 'resource-group'] as const) {
          await subject.assign([{ ...policy, kind }]);
          const same = wanted.filter((each) => each.kind.replace('-anew', '') === kind);
          expect(await denied()).toStrictEqual(same);
        }
        const [denial] = (await policies.denying(wanted[6])).denials;
        expect(denial?.assignmentId.toLowerCase()).toBe(
          `${scope}/providers/microsoft.authorization/policyassignments/no-${id}`.toLowerCase(),
        );
        expect(denial?.definitionId ?? '').toMatch(/\/policyDefinitions\//i);
      } finally {
        await subject.assign([]);
      }
      expect(await reader.disk(reader.diskId(subject.resourceGroup, wanted[0].spec.name))).toBe(null);
      expect(journal.ledger.filter(({ azureId }) => azureId.includes('wanted'))).toStrictEqual([]);

      async function savedMachine() {
        const os = { family: 'linux', generation: 1 } as const;
        const osDisk = await disks.ensureEmpty(disk('judged-os', { os }), journal);
        const card = await network.ensureNic(nic('judged-nic'), journal);
        const made = await subject.cloud.machines.ensure(vm('judged', card.azureId, osDisk.azureId), journal);
        const model = await reader.savedVm(made.azureId);
        assert.ok(model);
        return model;
      }
    });

    it('tells of no policy that only audits or is assigned elsewhere, and what holds for a group that is not there yet', async () => {
      const subject = get();
      const { reader, policies } = subject.cloud;
      const { disk, id } = restoreIn(subject);
      const group = reader.resourceGroupId(subject.resourceGroup);
      const scope = `/subscriptions/${reader.subscriptionId}`;
      const denials = async (resourceGroup: string) => {
        const spec = { ...disk('wanted'), resourceGroup };
        const answer = await policies.denying({ kind: 'disk', spec, waitsForUpload: false });
        expect(answer.untold).toBe(null);
        return answer.denials.length;
      };
      try {
        await subject.assign([{ name: `noted-${id}`, scope, kind: 'disk', effect: 'audit' }]);
        expect([await denials(subject.resourceGroup), await denials(`none-${id}`)]).toStrictEqual([0, 0]);
        await subject.assign([{ name: `here-${id}`, scope: group, kind: 'disk', effect: 'deny' }]);
        expect([await denials(subject.resourceGroup), await denials(`none-${id}`)]).toStrictEqual([1, 0]);
        await subject.assign([{ name: `all-${id}`, scope, kind: 'disk', effect: 'deny' }]);
        expect([await denials(subject.resourceGroup), await denials(`none-${id}`)]).toStrictEqual([1, 1]);
      } finally {
        await subject.assign([]);
      }
    });
  });
}
