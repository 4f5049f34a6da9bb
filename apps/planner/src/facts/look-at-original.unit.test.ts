import { beforeEach, describe, expect, it } from '@jest/globals';
import type { CloudVm, RestorePoint, TargetFacts } from '@landfall/domain';
import { aRestorePoint, aRestoreRequest, MemoryCloud, MemoryJournal, seedOf } from '@landfall/testing';
import { aMachine } from './a-machine.fixture.test.js';
import type { TargetReader } from './asked-once.js';
import { lookAtTarget } from './look-at-target.js';

const seed = seedOf();
const machines = seed.subnets[0]!;
const settings = {
  subscriptionId: seed.subscriptionId,
  // None of which matters where a machine is there already.
  ...{ defaultRegion: 'northeurope', defaultResourceGroup: 'elsewhere', defaultSubnetId: 'none' },
  workerSubnetId: null,
  archivePrices: null,
  applianceId: 'appliance-1',
};

describe('what a plan asks of Azure about the machine that it replaces', () => {
  let cloud: MemoryCloud;
  let vm: CloudVm;
  let asked: string[];

  beforeEach(async () => {
    cloud = new MemoryCloud();
    vm = await aMachine(cloud);
    asked = [];
  });

  /** Every question with what it is about. */
  const watched = (): TargetReader =>
    new Proxy(cloud.reader, {
      get: (reader, name: keyof TargetReader) => {
        const answer = reader[name] as (...about: unknown[]) => unknown;
        return (...about: unknown[]) => {
          asked.push(`${name} ${about.join(' ')}`.trim());
          return answer.apply(reader, about);
        };
      },
    });

  const look = (point: RestorePoint): Promise<TargetFacts> =>
    lookAtTarget(watched(), aRestoreRequest({ destination: { kind: 'original' } }), point, settings);

  async function aPoint(changes: Readonly<Record<string, unknown>> = {}): Promise<RestorePoint> {
    const saved = (await cloud.reader.savedVm(vm.azureId))!;
    const azure = {
      id: vm.azureId,
      vmId: vm.instanceId,
      vm: saved.vm.body,
      disks: saved.disks.map(({ body }) => body),
    };
    return aRestorePoint({ azure: { ...azure, ...changes } });
  }

  it('is the machine with all its parts, and what is to be had where it is', async () => {
    const facts = await look(await aPoint());
    expect(facts.original?.vm).toStrictEqual(vm);
    expect(facts.original?.saved?.disks.map(({ body }) => body['name'])).toStrictEqual(['web-os', 'web-data']);
    expect(facts.original?.formerDisks.map(({ name }) => name)).toStrictEqual(['web-data']);
    expect(facts.resourceGroup?.name).toBe('apps');
    expect(facts.subnet).toStrictEqual(machines);
    expect(facts.sizes).toStrictEqual(seed.sizes);
    expect(asked).toContain('sizes westeurope');
  });

  it('is what is locked of it, and of what it lies in', async () => {
    const scope = vm.azureId.replace(/\/providers.*/, '');
    cloud.subscription.locks = [{ azureId: `${scope}/locks/hold`, name: 'hold', scope, level: 'ReadOnly' }];
    expect((await look(await aPoint())).original?.locks).toStrictEqual(cloud.subscription.locks);
  });

  it('takes what bears its name for no obstacle', async () => {
    const facts = await look(await aPoint());
    expect([facts.vmExists, facts.privateIpTaken]).toStrictEqual([false, false]);
  });

  it('is nothing where the manifest names no VM of this subscription', async () => {
    for (const id of [vm.azureId.replace(seed.subscriptionId, 'another'), `${vm.azureId}/../x`, 'web', null]) {
      const facts = await look(await aPoint({ id }));
      expect(facts.original).toStrictEqual({ vm: null, saved: null, formerDisks: [], otherRestores: [], locks: [] });
    }
    expect([...new Set(asked)].sort()).toStrictEqual(['regions']);
  });

  it('is about no disk of another subscription, nor about what is no disk', async () => {
    const dataDisks = ['/subscriptions/other/resourceGroups/apps/providers/Microsoft.Compute/disks/x', vm.azureId].map(
      (id, lun) => ({ lun, managedDisk: { id } }),
    );
    const facts = await look(await aPoint({ vm: { properties: { storageProfile: { dataDisks } } } }));
    expect(facts.original?.formerDisks).toStrictEqual([]);
    expect(asked.filter((question) => question.startsWith('disk '))).toStrictEqual([]);
  });

  it('finds a disk that the machine has lost wherever it is now', async () => {
    const point = await aPoint();
    await cloud.machines.detach(vm.azureId, [vm.dataDisks[0]!.diskId], new MemoryJournal('r1'));
    const { original } = await look(point);
    expect(original?.saved?.disks).toHaveLength(1);
    expect(original?.formerDisks).toMatchObject([{ name: 'web-data', diskState: 'Unattached' }]);
  });

  it('finds that it is gone', async () => {
    const point = await aPoint();
    cloud.subscription.vms.clear();
    expect((await look(point)).original).toStrictEqual({
      vm: null,
      saved: null,
      formerDisks: [],
      otherRestores: [],
      locks: [],
    });
  });
});
