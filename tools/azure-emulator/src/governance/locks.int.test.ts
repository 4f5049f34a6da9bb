import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import {
  diskId,
  GROUP,
  IDS,
  makeDisk,
  makeVm,
  raw,
  refusal,
  startTestAzure,
  SUBSCRIPTION,
  vmId,
  type RawAnswer,
  type TestAzure,
} from '../fixtures/azure.fixture.test.js';

const SUBSCRIPTION_SCOPE = `/subscriptions/${SUBSCRIPTION}`;
const GROUP_SCOPE = `${SUBSCRIPTION_SCOPE}/resourceGroups/${GROUP}`;
const path = (scope: string, name = ''): string =>
  `${scope}/providers/Microsoft.Authorization/locks${name === '' ? '' : `/${name}`}?api-version=2020-05-01`;

describe('locks', () => {
  let azure: TestAzure;
  before(async () => {
    azure = await startTestAzure();
    await makeDisk(azure, 'data');
    await makeVm(azure, 'vm');
  });
  after(() => azure.close());
  afterEach(async () => {
    for (const { id } of await locks(SUBSCRIPTION_SCOPE)) await raw(azure, 'DELETE', `${id}?api-version=2020-05-01`);
  });

  const lock = async (scope: string, level: string, name = 'l'): Promise<RawAnswer> =>
    raw(azure, 'PUT', path(scope, name), { body: JSON.stringify({ properties: { level } }) });
  const locks = async (scope: string, filter = ''): Promise<{ id: string; name: string }[]> => {
    const { json } = await raw(azure, 'GET', `${path(scope)}${filter}`);
    return json['value'] as { id: string; name: string }[];
  };
  const locked = (scope: string, operation: 'write' | 'delete', by: string) => ({
    status: 409,
    code: 'ScopeLocked',
    message:
      `The scope '${scope}' cannot perform ${operation} operation because following scope(s) are locked: '${by}'. ` +
      'Please remove the lock and try again.',
  });

  it('are made, shown, changed and taken away', async () => {
    const body = JSON.stringify({ properties: { level: 'CanNotDelete', notes: 'mine' } });
    const made = await raw(azure, 'PUT', path(GROUP_SCOPE, 'keep'), { body });
    const shown = {
      id: `${GROUP_SCOPE}/providers/Microsoft.Authorization/locks/keep`,
      type: 'Microsoft.Authorization/locks',
      name: 'keep',
      properties: { level: 'CanNotDelete', notes: 'mine' },
    };
    assert.deepEqual([made.status, made.json], [201, shown]);
    assert.equal((await raw(azure, 'PUT', path(GROUP_SCOPE, 'KEEP'), { body })).status, 200);
    assert.deepEqual((await raw(azure, 'GET', path(GROUP_SCOPE.toUpperCase(), 'keep'))).json, shown);
    assert.equal((await raw(azure, 'DELETE', path(GROUP_SCOPE, 'keep'))).status, 200);
    assert.equal((await raw(azure, 'DELETE', path(GROUP_SCOPE, 'keep'))).status, 204);
    assert.equal((await raw(azure, 'GET', path(GROUP_SCOPE, 'keep'))).status, 404);
  });

  it('are listed with those above, and with those beneath unless the filter is atScope()', async () => {
    await lock(SUBSCRIPTION_SCOPE, 'CanNotDelete', 'all');
    await lock(GROUP_SCOPE, 'CanNotDelete', 'group');
    await lock(diskId('data'), 'CanNotDelete', 'disk');
    await lock(IDS.machineSubnetId, 'CanNotDelete', 'subnet');
    const names = async (scope: string, filter = ''): Promise<string> =>
      (await locks(scope, filter))
        .map(({ name }) => name)
        .sort()
        .join();
    assert.equal(await names(SUBSCRIPTION_SCOPE), 'all,disk,group,subnet');
    assert.equal(await names(GROUP_SCOPE), 'all,disk,group,subnet');
    assert.equal(await names(GROUP_SCOPE, '&$filter=atScope()'), 'all,group');
    assert.equal(await names(diskId('data')), 'all,disk,group');
    assert.equal(await names(IDS.networkId), 'all,group,subnet');
  });

  it('of level CanNotDelete stop deletion, of the scope and of what is beneath, and nothing else', async () => {
    for (const scope of [SUBSCRIPTION_SCOPE, GROUP_SCOPE, diskId('data')]) {
      await lock(scope, 'CanNotDelete');
      assert.deepEqual(
        await refusal(azure.compute.disks.delete(GROUP, 'data')),
        locked(diskId('data'), 'delete', scope),
      );
      await azure.compute.disks.update(GROUP, 'data', { tags: { scope: String(scope.length) } });
      await raw(azure, 'DELETE', path(scope, 'l'));
    }
  });

  it('stop the deletion of a scope that has something locked in it', async () => {
    await lock(diskId('data'), 'CanNotDelete');
    await lock(IDS.machineSubnetId, 'ReadOnly');
    assert.deepEqual(
      await refusal(azure.resources.resourceGroups.delete(GROUP)),
      locked(GROUP_SCOPE, 'delete', `${diskId('data')},${IDS.machineSubnetId}`),
    );
    assert.equal((await azure.resources.resourceGroups.get(GROUP)).properties?.provisioningState, 'Succeeded');
    assert.deepEqual(
      await refusal(azure.network.virtualNetworks.delete(GROUP, 'landfall-network')),
      locked(IDS.networkId, 'delete', IDS.machineSubnetId),
    );
  });

  it('of level ReadOnly stop every change, actions included, and let everything be read', async () => {
    await lock(GROUP_SCOPE, 'ReadOnly');
    const isLocked = async (call: PromiseLike<unknown>, scope: string, operation: 'write' | 'delete' = 'write') =>
      assert.deepEqual(await refusal(call), locked(scope, operation, GROUP_SCOPE));
    const { compute, resources } = azure;
    await isLocked(makeDisk(azure, 'new'), diskId('new'));
    await isLocked(compute.disks.update(GROUP, 'data', { tags: {} }), diskId('data'));
    await isLocked(compute.disks.delete(GROUP, 'data'), diskId('data'), 'delete');
    await isLocked(compute.disks.grantAccess(GROUP, 'data', { access: 'Read', durationInSeconds: 60 }), diskId('data'));
    await isLocked(compute.virtualMachines.deallocate(GROUP, 'vm'), vmId('vm'));
    await isLocked(compute.virtualMachines.start(GROUP, 'vm'), vmId('vm'));
    await isLocked(
      compute.virtualMachines.attachDetachDataDisks(GROUP, 'vm', {
        dataDisksToAttach: [{ diskId: diskId('data'), lun: 0 }],
      }),
      vmId('vm'),
    );
    await isLocked(resources.resourceGroups.update(GROUP, { tags: {} }), GROUP_SCOPE);
    assert.equal((await compute.disks.get(GROUP, 'data')).name, 'data');
    assert.equal((await compute.virtualMachines.instanceView(GROUP, 'vm')).statuses?.length, 2);
    await raw(azure, 'DELETE', path(GROUP_SCOPE, 'l'));
    await compute.virtualMachines.deallocate(GROUP, 'vm');
  });

  it('never stop whoever takes them away, or sets another one', async () => {
    await lock(SUBSCRIPTION_SCOPE, 'ReadOnly', 'outer');
    assert.equal((await lock(GROUP_SCOPE, 'ReadOnly', 'inner')).status, 201);
    assert.equal((await raw(azure, 'DELETE', path(SUBSCRIPTION_SCOPE, 'outer'))).status, 200);
  });

  it('can be set only on what exists, and of a level that exists', async () => {
    const code = ({ json }: RawAnswer) => (json['error'] as { code: string }).code;
    assert.equal(code(await lock(diskId('none'), 'ReadOnly')), 'ResourceNotFound');
    assert.equal(code(await lock(`${IDS.networkId}/subnets/none`, 'ReadOnly')), 'NotFound');
    assert.equal(code(await lock(`${SUBSCRIPTION_SCOPE}/resourceGroups/none`, 'ReadOnly')), 'ResourceGroupNotFound');
    assert.equal(code(await lock(GROUP_SCOPE, 'Forever')), 'InvalidParameter');
    assert.equal(code(await lock(GROUP_SCOPE, 'ReadOnly', 'a%3Cb')), 'InvalidLockName');
  });
});
