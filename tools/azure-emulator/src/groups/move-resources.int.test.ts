import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  collect,
  diskId,
  eventually,
  GROUP,
  makeDisk,
  makeVm,
  raw,
  REGION,
  refusal,
  startTestAzure,
  SUBSCRIPTION,
  vmId,
  watch,
  type ErrorContent,
  type TestAzure,
} from '../fixtures/azure.fixture.test.js';
import { FaultControl } from '../index.js';
import { startProcess } from '../fixtures/process.fixture.test.js';

const group = (name: string): string => `/subscriptions/${SUBSCRIPTION}/resourceGroups/${name}`;
const nicId = (name: string, of: string): string =>
  `${group(of)}/providers/Microsoft.Network/networkInterfaces/${name}`;

describe('moving resources to another resource group', () => {
  let azure: TestAzure;
  let nowMs = Date.now();
  let round = 0;
  let source = '';
  let target = '';
  let directory = '';
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'landfall-emulator-'));
    azure = await startTestAzure({ dataDirectory: directory, now: () => new Date(nowMs) });
  });
  afterAll(async () => {
    await azure.close();
    await rm(directory, { recursive: true, force: true });
  });
  beforeEach(async () => {
    round++;
    [source, target] = [`source-${round}`, `target-${round}`];
    await azure.resources.resourceGroups.createOrUpdate(source, { location: REGION });
    await azure.resources.resourceGroups.createOrUpdate(target, { location: REGION });
  });

  const settings = (values: unknown) => raw(azure, 'PATCH', '/_emulator/settings', { body: JSON.stringify(values) });
  const move = (...ids: string[]) => azure.resources.resources.moveResources(source, wanted(ids));
  const validate = (...ids: string[]) => azure.resources.resources.validateMoveResources(source, wanted(ids));
  const wanted = (resources: string[]) => ({ resources, targetResourceGroup: group(target) });
  const lock = (scope: string, level: string, name = 'l') =>
    raw(azure, 'PUT', `${scope}/providers/Microsoft.Authorization/locks/${name}?api-version=2020-05-01`, {
      body: JSON.stringify({ properties: { level } }),
    });
  const names = async (of: string): Promise<string[]> =>
    (await collect(azure.resources.resources.listByResourceGroup(of))).map(({ name }) => name ?? '').sort();

  it('gives the resources new ids, and keeps what they are', async () => {
    const data = await makeDisk(azure, 'data', { group: source, sizeGb: 4, tags: { kept: 'yes' } });
    const before = await azure.compute.disks.get(source, 'data');
    await validate(data);
    await move(data);
    const moved = await azure.compute.disks.get(target, 'data');
    expect(moved.id).toBe(diskId('data', target));
    expect(moved.uniqueId).toBe(before.uniqueId);
    expect([moved.tags, moved.diskSizeGB, moved.diskState]).toStrictEqual([{ kept: 'yes' }, 4, 'Unattached']);
    expect(await refusal(azure.compute.disks.get(source, 'data'))).toStrictEqual({
      status: 404,
      code: 'NotFound',
      message: 'Disk data is not found.',
    });
    await makeDisk(azure, 'data', { group: source });
  });

  it('answers 202 with the place of the result, 202 again, and 204 at the end', async () => {
    const data = await makeDisk(azure, 'data', { group: source });
    for (const [action, kind] of [
      ['validateMoveResources', 'resources.validateMove'],
      ['moveResources', 'resources.move'],
    ] as const) {
      await settings({ delaysMs: { [kind]: 60_000 } });
      const begun = await raw(azure, 'POST', `${group(source)}/${action}?api-version=2025-04-01`, {
        body: JSON.stringify(wanted([data])),
      });
      expect([begun.status, begun.text]).toStrictEqual([202, '']);
      const { pathname, search } = new URL(String(begun.headers['location']));
      expect(pathname).toMatch(new RegExp(`^/subscriptions/${SUBSCRIPTION}/operationresults/[^/]+$`));
      expect(String(begun.headers['retry-after'])).toMatch(/^\d+$/);
      const again = await raw(azure, 'GET', pathname + search);
      expect([again.status, again.text]).toStrictEqual([202, '']);
      await settings({ delaysMs: {} });
      await endOf(pathname + search);
    }
    expect(await names(target)).toStrictEqual(['data']);
  });

  /** The same Azure a minute later, after a restart: what was in progress comes to its end. */
  async function aMinuteLater(): Promise<void> {
    nowMs += 61_000;
    await azure.close();
    azure = await startTestAzure({ dataDirectory: directory, now: () => new Date(nowMs) });
  }

  async function endOf(path: string): Promise<void> {
    await aMinuteLater();
    const end = await raw(azure, 'GET', path);
    expect([end.status, end.text]).toStrictEqual([204, '']);
  }

  it('moves a machine with its disks and interface, and everything points at the new ids', async () => {
    const data = await makeDisk(azure, 'data', { group: source });
    await makeVm(azure, 'vm', { group: source, dataDisks: [{ diskId: data, lun: 2 }] });
    await move(vmId('vm', source), data, diskId('vm-os', source), nicId('vm-nic', source));
    const vm = await azure.compute.virtualMachines.get(target, 'vm');
    expect(vm.storageProfile?.osDisk?.managedDisk?.id).toBe(diskId('vm-os', target));
    expect(vm.storageProfile?.dataDisks?.[0]?.managedDisk?.id).toBe(diskId('data', target));
    expect(vm.networkProfile?.networkInterfaces?.[0]?.id).toBe(nicId('vm-nic', target));
    const disk = await azure.compute.disks.get(target, 'data');
    expect([disk.managedBy, disk.diskState]).toStrictEqual([vmId('vm', target), 'Attached']);
    const nic = await azure.network.networkInterfaces.get(target, 'vm-nic');
    expect(nic.virtualMachine?.id).toBe(vmId('vm', target));
    await azure.compute.virtualMachines.attachDetachDataDisks(target, 'vm', {
      dataDisksToDetach: [{ diskId: diskId('data', target) }],
    });
    await azure.compute.virtualMachines.delete(target, 'vm');
    expect(await names(source)).toStrictEqual([]);
  });

  it('lets a machine that stays behind follow its moved interface', async () => {
    await makeVm(azure, 'vm', { group: source });
    await move(nicId('vm-nic', source));
    const vm = await azure.compute.virtualMachines.get(source, 'vm');
    expect(vm.networkProfile?.networkInterfaces?.[0]?.id).toBe(nicId('vm-nic', target));
  });

  it('lets interfaces follow a moved network', async () => {
    await azure.network.virtualNetworks.createOrUpdate(source, 'net', {
      location: REGION,
      addressSpace: { addressPrefixes: ['10.9.0.0/16'] },
      subnets: [{ name: 's', addressPrefix: '10.9.1.0/24' }],
    });
    const network = (of: string): string => `${group(of)}/providers/Microsoft.Network/virtualNetworks/net`;
    await azure.network.networkInterfaces.createOrUpdate(source, 'nic', {
      location: REGION,
      ipConfigurations: [{ name: 'ip', subnet: { id: `${network(source)}/subnets/s` } }],
    });
    await move(network(source));
    const nic = await azure.network.networkInterfaces.get(source, 'nic');
    expect(nic.ipConfigurations?.[0]?.subnet?.id).toBe(`${network(target)}/subnets/s`);
    const subnet = await azure.network.subnets.get(target, 'net', 's');
    expect(subnet.ipConfigurations?.map(({ id }) => id)).toStrictEqual([`${nicId('nic', source)}/ipConfigurations/ip`]);
  });

  it('keeps both groups from being changed while it runs, and lets them be read', async () => {
    const data = await makeDisk(azure, 'data', { group: source });
    await makeDisk(azure, 'other', { group: source });
    await settings({ delaysMs: { 'resources.move': 60_000 } });
    await move(data).submitted();
    await settings({ delaysMs: {} });
    const held = (name: string) => ({
      status: 409,
      code: 'Conflict',
      message:
        `The resource group '${name}' is locked for write and delete while a resource move operation is in progress. ` +
        'Please wait until it has ended and try again.',
    });
    for (const name of [source, target]) {
      const { properties } = await azure.resources.resourceGroups.get(name);
      expect(properties?.provisioningState).toBe('MovingResources');
    }
    expect(await refusal(azure.compute.disks.delete(source, 'other'))).toStrictEqual(held(source));
    expect(await refusal(makeDisk(azure, 'new', { group: target }))).toStrictEqual(held(target));
    expect(await refusal(azure.resources.resourceGroups.delete(target))).toStrictEqual(held(target));
    const access = azure.compute.disks.grantAccess(source, 'other', { access: 'Read', durationInSeconds: 60 });
    expect(await refusal(access)).toStrictEqual(held(source));
    expect(await names(source)).toStrictEqual(['data', 'other']);
    const second = await refusal(move(diskId('other', source)));
    expect([second.status, second.code]).toStrictEqual([409, 'MoveResourcesHavePendingOperations']);
    await aMinuteLater();
    await azure.emulator.idle();
    expect(await names(target)).toStrictEqual(['data']);
    expect((await azure.resources.resourceGroups.get(source)).properties?.provisioningState).toBe('Succeeded');
    await azure.compute.disks.delete(source, 'other');
    await makeDisk(azure, 'new', { group: target });
  });

  it('waits for nobody: what has operations in progress is refused', async () => {
    const data = await makeDisk(azure, 'data', { group: source });
    await settings({ delaysMs: { 'disks.update': 60_000 } });
    await azure.compute.disks.update(source, 'data', { tags: { a: 'b' } }).submitted();
    await settings({ delaysMs: {} });
    const refused = await refusal(move(data));
    expect([refused.status, refused.code]).toStrictEqual([409, 'MoveResourcesHavePendingOperations']);
    expect(refused.message).toMatch(/pending operations on: '.*\/disks\/data'/);
  });

  it('refuses a move within one group, to a group that does not exist, or of what is not there', async () => {
    const data = await makeDisk(azure, 'data', { group: source });
    const to = (targetResourceGroup: string, resources = [data]) =>
      refusal(azure.resources.resources.moveResources(source, { resources, targetResourceGroup }));
    expect(await to(group(source.toUpperCase()))).toStrictEqual({
      status: 409,
      code: 'ConflictingUserInput',
      message: 'Source and destination resource groups are the same.',
    });
    expect(await to(group('nowhere'))).toStrictEqual({
      status: 404,
      code: 'ResourceGroupNotFound',
      message: "Resource group 'nowhere' could not be found.",
    });
    const missing = await to(group(target), [diskId('none', source)]);
    expect([missing.status, missing.code]).toStrictEqual([404, 'ResourceNotFound']);
    const elsewhere = await to(group(target), [diskId('data', GROUP)]);
    expect([elsewhere.status, elsewhere.code]).toStrictEqual([400, 'InvalidRequestContent']);
    const noGroup = await to('target');
    expect([noGroup.status, noGroup.code]).toStrictEqual([400, 'InvalidResourceGroup']);
    const none = await to(group(target), []);
    expect([none.status, none.code]).toStrictEqual([400, 'InvalidParameter']);
  });

  /** What validation says of each resource, which the move itself must say, too, having moved nothing and set the groups free. */
  async function invalid(...ids: string[]): Promise<readonly ErrorContent[]> {
    const types = await invalidTypes(...ids);
    for (const { target: type } of types) expect(type).toMatch(/^Microsoft\.(Compute|Network)\/[A-Za-z]+$/);
    return types.flatMap(({ details }) => details ?? []);
  }

  async function invalidTypes(...ids: string[]): Promise<readonly ErrorContent[]> {
    const before = await names(source);
    const found = [];
    for (const call of [validate, move]) {
      const answers = watch(azure.resources);
      const { status, code, message } = await refusal(call(...ids));
      expect([status, code]).toStrictEqual([409, 'ResourceMoveProviderValidationFailed']);
      expect(message).toMatch(
        /^Resource move validation failed\. Please see details\. Diagnostic information: timestamp '\d{8}T\d{6}Z', subscription id '[^']+', tracking id '[0-9a-f-]{36}', request correlation id '[0-9a-f-]{36}'\.$/,
      );
      found.push(answers.error()?.details ?? []);
    }
    expect(found[1]).toStrictEqual(found[0]);
    expect(await names(source)).toStrictEqual(before);
    await azure.resources.resourceGroups.update(target, { tags: { free: 'again' } });
    return found[0] ?? [];
  }

  it('refuses names that are taken in the target group', async () => {
    const data = await makeDisk(azure, 'data', { group: source });
    await makeDisk(azure, 'data', { group: target });
    expect(await invalid(data)).toStrictEqual([
      {
        code: 'ResourceAlreadyExistsInTarget',
        message: `The resource '${data}' cannot be moved: there is a 'Microsoft.Compute/disks/data' in the target resource group '${target}' already.`,
      },
    ]);
  });

  it('refuses types that do not move', async () => {
    const set = `${group(source)}/providers/Microsoft.Compute/diskEncryptionSets/des`;
    const points = `${group(source)}/providers/Microsoft.Compute/restorePointCollections/rpc`;
    expect((await invalid(set, points)).map(({ code, message }) => [code, message])).toStrictEqual([
      [
        'MoveNotSupported',
        `Resource move is not supported for resource types 'Microsoft.Compute/diskEncryptionSets': '${set}' cannot be moved.`,
      ],
      [
        'MoveNotSupported',
        `Resource move is not supported for resource types 'Microsoft.Compute/restorePointCollections': '${points}' cannot be moved.`,
      ],
    ]);
  });

  it('refuses what is not in the state Succeeded, or depends on what is not', async () => {
    const failed = { kind: 'fail-late', operation: 'disks.update' } as const;
    const data = await makeDisk(azure, 'data', { group: source });
    await new FaultControl(azure.emulator).add(failed);
    await refusal(azure.compute.disks.update(source, 'data', { tags: { a: 'b' } }));
    const unsettled = 'MoveCannotProceedWithResourcesNotInSucceededState';
    const types = await invalidTypes(data);
    expect(types.map(({ code, target: type }) => [code, type])).toStrictEqual([[unsettled, 'Microsoft.Compute/disks']]);
    await azure.network.virtualNetworks.createOrUpdate(source, 'net', {
      location: REGION,
      addressSpace: { addressPrefixes: ['10.9.0.0/16'] },
      subnets: [{ name: 's', addressPrefix: '10.9.1.0/24' }],
    });
    const subnet = { id: `${group(source)}/providers/Microsoft.Network/virtualNetworks/net/subnets/s` };
    await azure.network.networkInterfaces.createOrUpdate(source, 'nic', {
      location: REGION,
      ipConfigurations: [{ name: 'ip', subnet }],
    });
    await settings({ delaysMs: { 'network.write': 60_000 } });
    await azure.network.subnets.createOrUpdate(source, 'net', 't', { addressPrefix: '10.9.2.0/24' }).submitted();
    await settings({ delaysMs: {} });
    const [type] = await invalidTypes(nicId('nic', source));
    expect([type?.code, type?.target]).toStrictEqual([unsettled, 'Microsoft.Network/networkInterfaces']);
    expect(type?.details?.map(({ code }) => code)).toStrictEqual(['AnotherOperationInProgress']);
    await aMinuteLater();
    await azure.emulator.idle();
    await move(nicId('nic', source));
  });

  it('refuses to part a machine and its disks', async () => {
    const data = await makeDisk(azure, 'data', { group: source });
    await makeVm(azure, 'vm', { group: source, dataDisks: [{ diskId: data, lun: 0 }] });
    const alone = await invalid(data);
    expect(alone.map(({ code }) => code)).toStrictEqual(['MissingMoveDependentResources']);
    expect(alone[0]?.message ?? '').toMatch(new RegExp(`Missing: '${vmId('vm', source)}'`));
    const half = await invalid(vmId('vm', source), data);
    expect(half[0]?.message ?? '').toMatch(new RegExp(`Missing: '${diskId('vm-os', source)}'`));
  });

  it('refuses a disk with an active shared access signature', async () => {
    const data = await makeDisk(azure, 'data', { group: source });
    await azure.compute.disks.grantAccess(source, 'data', { access: 'Read', durationInSeconds: 600 });
    const [reason] = await invalid(data);
    expect(reason?.code).toBe('OperationNotAllowed');
    expect(reason?.message ?? '').toMatch(/active shared access signature outstanding for disk data/);
    await azure.compute.disks.revokeAccess(source, 'data');
    await move(data);
  });

  it('is stopped by a read-only lock on either side, on the resource too, and not by one against deletion', async () => {
    const data = await makeDisk(azure, 'data', { group: source });
    for (const scope of [group(source), group(target), data]) {
      await lock(scope, 'ReadOnly');
      for (const call of [validate, move]) {
        expect(await refusal(call(data))).toStrictEqual({
          status: 409,
          code: 'ScopeLocked',
          message: `The scope '${scope}' cannot perform write operation because following scope(s) are locked: '${scope}'. Please remove the lock and try again.`,
        });
      }
      await raw(azure, 'DELETE', `${scope}/providers/Microsoft.Authorization/locks/l?api-version=2020-05-01`);
    }
    await lock(data, 'CanNotDelete');
    await move(data);
    const kept = await refusal(azure.compute.disks.delete(target, 'data'));
    expect([kept.status, kept.code]).toStrictEqual([409, 'ScopeLocked']);
    expect(kept.message).toMatch(new RegExp(`are locked: '${diskId('data', target)}'`));
  });

  it('is stopped by a policy of the target group', async () => {
    const data = await makeDisk(azure, 'data', { group: source });
    await settings({ policies: [{ name: 'owners', scope: group(target), missingTag: 'owner' }] });
    const answers = watch(azure.resources);
    const denied = await refusal(move(data));
    expect([denied.status, denied.code]).toStrictEqual([409, 'ResourceMovePolicyValidationFailed']);
    expect(answers.error()?.details?.[0]?.code).toBe('RequestDisallowedByPolicy');
    await settings({ policies: [] });
    await move(data);
  });

  it('can end half-way, or as timed out though all has moved; the rest can be moved later', async () => {
    const ids = [];
    for (const name of ['a', 'b', 'c']) ids.push(await makeDisk(azure, name, { group: source }));
    await new FaultControl(azure.emulator).add({ kind: 'partial-move', resource: 'b' });
    expect(await refusal(move(...ids))).toStrictEqual({
      status: 409,
      code: 'ResourceMoveTimedOut',
      message:
        `The resource move operation from resource group '${source}' to resource group '${target}' did not ` +
        "finish within allowed time '04:00:00'. Provisioning state of the resource groups will be rolled back.",
    });
    expect([await names(source), await names(target)]).toStrictEqual([['c'], ['a', 'b']]);
    await move(diskId('c', source));
    expect([await names(source), await names(target)]).toStrictEqual([[], ['a', 'b', 'c']]);
    await new FaultControl(azure.emulator).add({ kind: 'move-times-out' });
    const back = azure.resources.resources.moveResources(target, {
      resources: [diskId('a', target)],
      targetResourceGroup: group(source),
    });
    expect((await refusal(back)).code).toBe('ResourceMoveTimedOut');
    expect(await names(source)).toStrictEqual(['a']);
  });
});

describe('a move that a kill -9 interrupts', () => {
  let directory = '';
  beforeAll(async () => (directory = await mkdtemp(join(tmpdir(), 'landfall-emulator-'))));
  afterAll(() => rm(directory, { recursive: true, force: true }));

  it('ends as it would have, after a restart, and sets both groups free', async () => {
    const first = await startProcess(directory);
    await first.resources.resourceGroups.createOrUpdate('target', { location: REGION });
    const data = await makeDisk(first, 'data');
    await makeVm(first, 'vm', { dataDisks: [{ diskId: data, lun: 0 }] });
    await raw(first, 'PATCH', '/_emulator/settings', { body: JSON.stringify({ delayMs: 1_500 }) });
    const resources = [vmId('vm'), diskId('vm-os'), data];
    await first.resources.resources
      .moveResources(GROUP, { resources, targetResourceGroup: group('target') })
      .submitted();
    await first.end('SIGKILL');
    const second = await startProcess(directory);
    await eventually('the machine has moved', async () => {
      const found = await collect(second.compute.virtualMachines.list('target'));
      return found.length === 1;
    });
    const vm = await second.compute.virtualMachines.get('target', 'vm');
    expect(vm.storageProfile?.dataDisks?.[0]?.managedDisk?.id).toBe(diskId('data', 'target'));
    await raw(second, 'PATCH', '/_emulator/settings', { body: JSON.stringify({ delayMs: 0 }) });
    await makeDisk(second, 'data');
    await second.compute.virtualMachines.delete('target', 'vm');
    await second.end('SIGTERM');
  });
});
