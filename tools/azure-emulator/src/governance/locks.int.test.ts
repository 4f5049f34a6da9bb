import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
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
  beforeAll(async () => {
    azure = await startTestAzure();
    await makeDisk(azure, 'data');
    await makeVm(azure, 'vm');
  });
  afterAll(() => azure.close());
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
    expect([made.status, made.json]).toStrictEqual([201, shown]);
    expect((await raw(azure, 'PUT', path(GROUP_SCOPE, 'KEEP'), { body })).status).toBe(200);
    expect((await raw(azure, 'GET', path(GROUP_SCOPE.toUpperCase(), 'keep'))).json).toStrictEqual(shown);
    expect((await raw(azure, 'DELETE', path(GROUP_SCOPE, 'keep'))).status).toBe(200);
    expect((await raw(azure, 'DELETE', path(GROUP_SCOPE, 'keep'))).status).toBe(204);
    expect((await raw(azure, 'GET', path(GROUP_SCOPE, 'keep'))).status).toBe(404);
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
    expect(await names(SUBSCRIPTION_SCOPE)).toBe('all,disk,group,subnet');
    expect(await names(GROUP_SCOPE)).toBe('all,disk,group,subnet');
    expect(await names(GROUP_SCOPE, '&$filter=atScope()')).toBe('all,group');
    expect(await names(diskId('data'))).toBe('all,disk,group');
    expect(await names(IDS.networkId)).toBe('all,group,subnet');
  });

  it('of level CanNotDelete stop deletion, of the scope and of what is beneath, and nothing else', async () => {
    for (const scope of [SUBSCRIPTION_SCOPE, GROUP_SCOPE, diskId('data')]) {
      await lock(scope, 'CanNotDelete');
      expect(await refusal(azure.compute.disks.delete(GROUP, 'data'))).toStrictEqual(
        locked(diskId('data'), 'delete', scope),
      );
      await azure.compute.disks.update(GROUP, 'data', { tags: { scope: String(scope.length) } });
      await raw(azure, 'DELETE', path(scope, 'l'));
    }
  });

  it('stop the deletion of a scope that has something locked in it', async () => {
    await lock(diskId('data'), 'CanNotDelete');
    await lock(IDS.machineSubnetId, 'ReadOnly');
    expect(await refusal(azure.resources.resourceGroups.delete(GROUP))).toStrictEqual(
      locked(GROUP_SCOPE, 'delete', `${diskId('data')},${IDS.machineSubnetId}`),
    );
    expect((await azure.resources.resourceGroups.get(GROUP)).properties?.provisioningState).toBe('Succeeded');
    expect(await refusal(azure.network.virtualNetworks.delete(GROUP, 'landfall-network'))).toStrictEqual(
      locked(IDS.networkId, 'delete', IDS.machineSubnetId),
    );
  });

  it('of level ReadOnly stop every change, actions included, and let everything be read', async () => {
    await lock(GROUP_SCOPE, 'ReadOnly');
    const isLocked = async (call: PromiseLike<unknown>, scope: string, operation: 'write' | 'delete' = 'write') =>
      expect(await refusal(call)).toStrictEqual(locked(scope, operation, GROUP_SCOPE));
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
    expect((await compute.disks.get(GROUP, 'data')).name).toBe('data');
    expect((await compute.virtualMachines.instanceView(GROUP, 'vm')).statuses?.length).toBe(2);
    await raw(azure, 'DELETE', path(GROUP_SCOPE, 'l'));
    await compute.virtualMachines.deallocate(GROUP, 'vm');
  });

  it('never stop whoever takes them away, or sets another one', async () => {
    await lock(SUBSCRIPTION_SCOPE, 'ReadOnly', 'outer');
    expect((await lock(GROUP_SCOPE, 'ReadOnly', 'inner')).status).toBe(201);
    expect((await raw(azure, 'DELETE', path(SUBSCRIPTION_SCOPE, 'outer'))).status).toBe(200);
  });

  it('can be set only on what exists, and of a level that exists', async () => {
    const code = ({ json }: RawAnswer) => (json['error'] as { code: string }).code;
    expect(code(await lock(diskId('none'), 'ReadOnly'))).toBe('ResourceNotFound');
    expect(code(await lock(`${IDS.networkId}/subnets/none`, 'ReadOnly'))).toBe('NotFound');
    expect(code(await lock(`${SUBSCRIPTION_SCOPE}/resourceGroups/none`, 'ReadOnly'))).toBe('ResourceGroupNotFound');
    expect(code(await lock(GROUP_SCOPE, 'Forever'))).toBe('InvalidParameter');
    expect(code(await lock(GROUP_SCOPE, 'ReadOnly', 'a%3Cb'))).toBe('InvalidLockName');
  });
});
