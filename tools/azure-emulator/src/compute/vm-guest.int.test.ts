import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { AnonymousCredential, BlobClient } from '@azure/storage-blob';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import {
  assertRefused,
  collect,
  GROUP,
  makeVm,
  raw,
  refusal,
  REGION,
  set,
  startTestAzure,
  SUBSCRIPTION,
  vmBody,
  vmId,
  type TestAzure,
} from '../fixtures/azure.fixture.test.js';

describe('what is done inside a VM', () => {
  let azure: TestAzure;
  let now = new Date();
  beforeAll(async () => (azure = await startTestAzure({ now: () => now })));
  afterAll(() => azure.close());

  const script = { commandId: 'RunShellScript', script: ['uname -a'], parameters: [{ name: 'a', value: 'b' }] };
  const extension = (type = 'CustomScript') => ({
    location: REGION,
    publisher: 'Microsoft.Azure.Extensions',
    typePropertiesType: type,
    typeHandlerVersion: '2.1',
    settings: { commandToExecute: 'true' },
    protectedSettings: { storageAccountKey: 'not-a-real-one' },
  });

  it('answers a script in the shape of its system, and keeps what was asked for', async () => {
    await makeVm(azure, 'run');
    await set(azure, { runCommandOutput: { stdout: 'Linux run 6.1', stderr: 'a warning' } });
    const { value } = await azure.compute.virtualMachines.runCommand(GROUP, 'run', script);
    expect(value?.map(({ code, level, message }) => [code, level, message])).toStrictEqual([
      ['ProvisioningState/succeeded', 'Info', 'Enable succeeded: \n[stdout]\nLinux run 6.1\n[stderr]\na warning'],
    ]);
    const { json } = await raw(azure, 'GET', '/_emulator/run-commands');
    const [recorded] = json['value'] as Record<string, unknown>[];
    expect([recorded?.['vm'], recorded?.['script'], recorded?.['status']]).toStrictEqual([
      vmId('run'),
      ['uname -a'],
      'Succeeded',
    ]);
    const body = await vmBody(azure, 'windows');
    const osDisk = { ...body.storageProfile?.osDisk, createOption: 'Attach', osType: 'Windows' as const };
    await azure.compute.virtualMachines.createOrUpdate(GROUP, 'windows', { ...body, storageProfile: { osDisk } });
    const power = { commandId: 'RunPowerShellScript', script: ['Get-Date'] };
    const answer = await azure.compute.virtualMachines.runCommand(GROUP, 'windows', power);
    expect(answer.value?.map(({ code, message }) => [code, message])).toStrictEqual([
      ['ComponentStatus/StdOut/succeeded', 'Linux run 6.1'],
      ['ComponentStatus/StdErr/succeeded', 'a warning'],
    ]);
  });

  it('refuses a script for another system, on a VM that does not run, and a second one at a time', async () => {
    await makeVm(azure, 'still');
    const run = (command: typeof script) => azure.compute.virtualMachines.runCommand(GROUP, 'still', command);
    await assertRefused(
      run({ ...script, commandId: 'RunPowerShellScript' }),
      400,
      'InvalidParameter',
      /'RunPowerShellScript' is not supported on a VM with OS type 'Linux'/,
    );
    await assertRefused(run({ ...script, commandId: 'Nonsense' }), 400, 'InvalidParameter', /not a known run command/);
    await azure.compute.virtualMachines.powerOff(GROUP, 'still');
    await assertRefused(
      run(script),
      409,
      'OperationNotAllowed',
      /^The operation requires the VM to be running \(or set to run\)\.$/,
    );
    await azure.compute.virtualMachines.start(GROUP, 'still');
    await set(azure, { delaysMs: { 'virtualMachines.runCommand': 60_000 } });
    await run(script).submitted();
    await set(azure, { delaysMs: {} });
    await assertRefused(run(script), 409, 'Conflict', /^Run command extension execution is in progress\./);
  });

  it('keeps extensions, shows them with their VM, and never their secrets', async () => {
    await makeVm(azure, 'extended');
    const { virtualMachineExtensions: extensions } = azure.compute;
    const made = await extensions.createOrUpdate(GROUP, 'extended', 'script', extension());
    expect([made.id, made.type, made.provisioningState]).toStrictEqual([
      `${vmId('extended')}/extensions/script`,
      'Microsoft.Compute/virtualMachines/extensions',
      'Succeeded',
    ]);
    const { text } = await raw(azure, 'GET', `${vmId('extended')}?api-version=2025-04-01`);
    expect(text).not.toMatch(/not-a-real-one/);
    const vm = await azure.compute.virtualMachines.get(GROUP, 'extended', { expand: 'instanceView' });
    expect(
      vm.resources?.map(({ name, typePropertiesType, settings }) => [name, typePropertiesType, settings]),
    ).toStrictEqual([['script', 'CustomScript', { commandToExecute: 'true' }]]);
    expect(vm.instanceView?.extensions?.[0]?.type).toBe('Microsoft.Azure.Extensions.CustomScript');
    await extensions.update(GROUP, 'extended', 'script', { settings: { commandToExecute: 'false' } });
    const read = await extensions.get(GROUP, 'extended', 'script', { expand: 'instanceView' });
    expect(read.settings).toStrictEqual({ commandToExecute: 'false' });
    expect(read.instanceView?.statuses?.[0]?.code).toBe('ProvisioningState/succeeded');
    await extensions.createOrUpdate(GROUP, 'extended', 'monitor', extension('Monitor'));
    const names = async () => (await extensions.list(GROUP, 'extended')).value?.map(({ name }) => name);
    expect(await names()).toStrictEqual(['script', 'monitor']);
    await extensions.delete(GROUP, 'extended', 'script');
    expect(await names()).toStrictEqual(['monitor']);
    const missing = extensions.get(GROUP, 'extended', 'script');
    await assertRefused(missing, 404, 'ResourceNotFound', /virtualMachines\/extensions\/extended\/script'/);
  });

  it('refuses extensions on a VM that does not run, and two with one handler', async () => {
    await makeVm(azure, 'refusing');
    const write = (name: string, body = extension()) =>
      azure.compute.virtualMachineExtensions.createOrUpdate(GROUP, 'refusing', name, body);
    await write('one');
    await assertRefused(
      write('two'),
      400,
      'BadRequest',
      /^Multiple VMExtensions per handler not supported for OS type 'Linux'\. VMExtension 'two' with handler 'Microsoft\.Azure\.Extensions\.CustomScript'/,
    );
    const { publisher, ...incomplete } = extension('Other');
    expect(publisher).toBeTruthy();
    await assertRefused(write('three', incomplete as never), 400, 'InvalidParameter', /'properties\.publisher'/);
    await azure.compute.virtualMachines.deallocate(GROUP, 'refusing');
    const stopped = /^Cannot modify extensions in the VM when the VM is not running\.$/;
    await assertRefused(write('one'), 409, 'OperationNotAllowed', stopped);
    const removal = azure.compute.virtualMachineExtensions.delete(GROUP, 'refusing', 'one');
    await assertRefused(removal, 409, 'OperationNotAllowed', stopped);
  });

  it('gives identities: the same system identity for as long as the VM has one, user identities by their id', async () => {
    const userId = (name: string) =>
      `/subscriptions/${SUBSCRIPTION}/resourceGroups/ids/providers/Microsoft.ManagedIdentity/userAssignedIdentities/${name}`;
    await azure.resources.resourceGroups.createOrUpdate('ids', { location: REGION });
    for (const name of ['a', 'b']) {
      const made = await raw(azure, 'PUT', `${userId(name)}?api-version=2023-01-31`, {
        body: JSON.stringify({ location: REGION }),
      });
      expect(made.status).toBe(201);
    }
    const body = { ...(await vmBody(azure, 'known')), identity: { type: 'SystemAssigned' } as const };
    const vm = await azure.compute.virtualMachines.createOrUpdate(GROUP, 'known', body);
    const guid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
    expect(vm.identity?.principalId ?? '').toMatch(guid);
    expect(vm.identity?.tenantId ?? '').toMatch(guid);
    const update = (identity: NonNullable<typeof vm.identity>) =>
      azure.compute.virtualMachines.update(GROUP, 'known', { identity });
    const both = await update({ type: 'SystemAssigned, UserAssigned', userAssignedIdentities: { [userId('a')]: {} } });
    expect(both.identity?.principalId).toBe(vm.identity?.principalId);
    expect(both.identity?.userAssignedIdentities?.[userId('a')]?.clientId ?? '').toMatch(guid);
    const more = await update({ type: 'UserAssigned', userAssignedIdentities: { [userId('b')]: {} } });
    expect(Object.keys(more.identity?.userAssignedIdentities ?? {})).toStrictEqual([userId('a'), userId('b')]);
    expect(more.identity?.principalId).toBe(undefined);
    await assertRefused(
      update({ type: 'UserAssigned', userAssignedIdentities: { nonsense: {} } }),
      400,
      'LinkedInvalidPropertyId',
      /^Property id 'nonsense' at path 'identity' is invalid\./,
    );
    await assertRefused(
      update({ type: 'SystemAssigned', userAssignedIdentities: { [userId('a')]: {} } }),
      400,
      'InvalidIdentityValues',
      /identity type is 'UserAssigned'/,
    );
    await assertRefused(
      update({ type: 'UserAssigned', userAssignedIdentities: { [userId('none')]: {} } }),
      400,
      'FailedIdentityOperation',
      /userAssignedIdentities\/none' was not found/,
    );
    expect((await update({ type: 'None' })).identity).toBe(undefined);
  });

  it('serves the serial log and a screenshot at addresses that end', async () => {
    const body = { ...(await vmBody(azure, 'boot')), diagnosticsProfile: { bootDiagnostics: { enabled: true } } };
    await azure.compute.virtualMachines.createOrUpdate(GROUP, 'boot', body);
    const retrieve = (minutes?: number) =>
      azure.compute.virtualMachines.retrieveBootDiagnosticsData(GROUP, 'boot', {
        ...(minutes === undefined ? {} : { sasUriExpirationTimeInMinutes: minutes }),
      });
    const client = (url: string | undefined) =>
      new BlobClient(url ?? '', new AnonymousCredential(), { retryOptions: { maxTries: 1 } });
    const { serialConsoleLogBlobUri, consoleScreenshotBlobUri } = await retrieve(10);
    const log = client(serialConsoleLogBlobUri);
    expect((await log.getProperties()).contentLength).toBe(0);
    await set(azure, { serialLog: 'a line from the settings\n' });
    expect((await log.downloadToBuffer()).toString()).toBe('a line from the settings\n');
    const file = join(azure.directory, 'vms', GROUP, 'boot', 'serial.log');
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, 'Linux version 6.1 (debian)\nlogin: ');
    expect((await log.downloadToBuffer()).toString()).toBe('Linux version 6.1 (debian)\nlogin: ');
    expect((await log.downloadToBuffer(6, 7)).toString()).toBe('version');
    expect((await refusal(log.download(4096, 1))).status).toBe(416);
    expect((await refusal(log.delete())).status).toBe(403);
    const screenshot = await client(consoleScreenshotBlobUri).downloadToBuffer();
    expect(screenshot.toString('latin1', 0, 2)).toBe('BM');
    expect(screenshot.readUInt32LE(2)).toBe(screenshot.length);
    const forged = client(serialConsoleLogBlobUri?.replace(/se=[^&]*/, 'se=2099-01-01T00%3A00%3A00.000Z'));
    expect((await refusal(forged.getProperties())).status).toBe(403);
    now = new Date(now.getTime() + 11 * 60_000);
    expect((await refusal(log.getProperties())).status).toBe(403);
    await assertRefused(retrieve(1441), 400, 'InvalidParameter', /between '1' and '1440'/);
    const again = client((await retrieve()).serialConsoleLogBlobUri);
    expect((await again.getProperties()).contentLength).toBe(34);
    await azure.compute.virtualMachines.delete(GROUP, 'boot');
    expect((await refusal(again.getProperties())).status).toBe(404);
    await makeVm(azure, 'blind');
    const blind = azure.compute.virtualMachines.retrieveBootDiagnosticsData(GROUP, 'blind');
    await assertRefused(blind, 409, 'OperationNotAllowed', /^Boot diagnostics is not enabled on VM 'blind'\.$/);
  });

  it('lists the sizes that a region, and a VM, can have', async () => {
    await makeVm(azure, 'sized', { zone: '2' });
    const names = async (sizes: AsyncIterable<{ name?: string }>) => (await collect(sizes)).map(({ name }) => name);
    const inRegion = await names(azure.compute.virtualMachineSizes.list('northeurope'));
    expect(inRegion.includes('Standard_F2s_v2') && !inRegion.includes('Standard_L8s_v3')).toBe(true);
    const ofVm = await names(azure.compute.virtualMachines.listAvailableSizes(GROUP, 'sized'));
    expect(ofVm.includes('Standard_L8s_v3') && !ofVm.includes('Standard_E4ds_v5')).toBe(true);
  });
});
