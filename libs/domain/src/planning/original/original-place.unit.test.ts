import { describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import { planRestore, type CloudDisk, type Problem, type ProblemCode, type RestorePlan } from '../../index.js';
import {
  aLivingVm,
  aPointDisk,
  aSubnet,
  azureOf,
  diskIdOf,
  LIVING_INSTANCE,
  LIVING_VM_ID,
  originalFacts,
  pointDisksOf,
  SIZES,
  TWO_DISKS,
  vmSize,
  type AnAttachedDisk,
  type OriginalChanges,
} from '../../builders/index.js';

const plan = (changes: OriginalChanges = {}): RestorePlan => planRestore(originalFacts(changes));

/** Errors beside the one that says that this version has no original place. */
function errorsOf({ problems }: RestorePlan): readonly Problem[] {
  return problems.filter(({ severity, code }) => severity === 'error' && code !== 'NOT_AVAILABLE');
}

function refusedFor(code: ProblemCode, changes: OriginalChanges, said: RegExp, fix = /--to new/): RestorePlan {
  const made = plan(changes);
  const errors = errorsOf(made);
  assert.deepEqual(
    errors.map((problem) => problem.code),
    [code],
    JSON.stringify(errors),
  );
  expect(errors[0]!.message).toMatch(said);
  expect(errors[0]!.fix).toMatch(fix);
  return made;
}

const OS: AnAttachedDisk = { name: 'web-os', lun: null };

describe('a restore to the original place', () => {
  it('has no error of its own where the machine stands as it was backed up', () => {
    expect(errorsOf(plan())).toStrictEqual([]);
  });

  it('takes all steps but the one of archived points', () => {
    const { steps } = plan();
    expect(steps.flatMap(({ number, applies }) => (applies ? [] : [number]))).toStrictEqual([1]);
    for (const { number, why } of steps) if ([2, 8, 9, 12].includes(number)) expect(why).not.toMatch(/new location/);
  });

  it('boots copies of the new disks before the machine is stopped, unless it is asked to leave that out', () => {
    const checked = plan();
    const stepOf = ({ steps }: RestorePlan) => steps.find(({ id }) => id === 'check-boot');
    expect([checked.options.bootCheck, stepOf(checked)?.applies]).toStrictEqual(['running', true]);
    expect(stepOf(checked)?.why).toMatch(/^copies of the new disks have to run, in a network that leads nowhere/);
    const unchecked = plan({ request: { bootCheck: 'none' } });
    expect([unchecked.options.bootCheck, stepOf(unchecked)?.applies]).toStrictEqual(['none', false]);
    expect(unchecked.problems.map(({ message }) => message).join()).toMatch(
      /nobody knows whether .* boot before "web"/,
    );
    expect(unchecked.planHash).not.toBe(checked.planHash);
    expect(errorsOf(plan({ request: { powerOn: false, bootCheck: 'serial' } }))).toStrictEqual([]);
  });

  it('says which disks the copies boot without', () => {
    const made = plan({ now: { disks: [...TWO_DISKS, { name: 'web-swap', lun: 7 }] } });
    expect(made.steps.find(({ id }) => id === 'check-boot')?.why).toMatch(/without what is kept \("web-swap"\)/);
  });

  it('has to have room for the copies beside the machine', () => {
    const usages = [{ name: 'virtualMachines', current: 25_000, limit: 25_000 }];
    refusedFor('QUOTA', { target: { usages } }, /virtualMachines has 25000 of 25000/, /--boot-check none/);
    expect(errorsOf(plan({ target: { usages }, request: { bootCheck: 'none' } }))).toStrictEqual([]);
    const disks = [{ name: 'StandardSSDDiskCount', current: 50_000, limit: 50_000 }];
    refusedFor('QUOTA', { target: { usages: disks } }, /StandardSSDDiskCount .* 1 more are needed/, /quota/);
  });

  it('isolates no machine that keeps its network', () => {
    refusedFor('CONTRADICTION', { request: { isolated: true } }, /copies are always booted isolated/);
  });

  it('goes where the machine is, under its name and with its size, by way of a staging group', () => {
    const now = { body: { zones: ['2'] }, vm: { size: 'Standard_F4s_v2' } };
    expect(plan({ now }).destination).toStrictEqual({
      kind: 'original',
      subscriptionId: '00000000-0000-4000-8000-000000000001',
      resourceGroup: 'apps',
      stagingResourceGroup: 'landfall-staging',
      region: 'westeurope',
      zone: '2',
      vmName: 'web',
      size: 'Standard_F4s_v2',
      subnetId: aSubnet().azureId,
      privateIp: null,
    });
  });

  it('names the machine that is replaced, and what of it stays', () => {
    expect(plan().source).toStrictEqual({
      azureId: LIVING_VM_ID,
      instanceId: LIVING_INSTANCE,
      powerState: 'running',
      nicIds: [LIVING_VM_ID.replace(/Microsoft\.Compute.*/, 'Microsoft.Network/networkInterfaces/web-nic')],
      addressIds: [LIVING_VM_ID.replace(/Microsoft\.Compute.*/, 'Microsoft.Network/publicIPAddresses/web-ip')],
      disks: [
        {
          ...{ azureId: diskIdOf(TWO_DISKS[0]!), uniqueId: 'unique-web-os', lun: null },
          ...{ caching: 'ReadWrite', replacedBy: 'os' },
        },
        {
          ...{ azureId: diskIdOf(TWO_DISKS[1]!), uniqueId: 'unique-web-data', lun: 0 },
          ...{ caching: 'ReadOnly', replacedBy: 'lun0' },
        },
      ],
    });
  });

  it('binds the machine that is replaced in the hash of the plan', () => {
    const stopped = plan({ now: { vm: { powerState: 'deallocated' } } });
    expect(stopped.planHash).not.toBe(plan().planHash);
  });
});

describe('the machine that is replaced', () => {
  it('is named by the point, or there is none', () => {
    const { azure: _, ...withoutModel } = originalFacts().point;
    const facts = originalFacts();
    const made = planRestore({ ...facts, point: withoutModel });
    expect(errorsOf(made).map(({ code, fix }) => [code, fix])).toStrictEqual([
      ['SOURCE_MISSING', 'Restore with --to new.'],
    ]);
    expect(made.source).toBeUndefined();
    for (const id of [
      'web',
      '/subscriptions/x',
      `${LIVING_VM_ID}/extensions/a`,
      LIVING_VM_ID.replace('apps', 'a%2f..'),
      7,
    ]) {
      refusedFor('SOURCE_MISSING', { point: { azure: { ...azureOf(aLivingVm()), id } } }, /not the full ID/);
    }
    refusedFor('SOURCE_MISSING', { point: { azure: { id: LIVING_VM_ID } } }, /its vmId/);
  });

  it('lies in the subscription of this installation', () => {
    const id = LIVING_VM_ID.replace(/00000001/, '00000002');
    const made = refusedFor('CONTRADICTION', { point: { azure: { ...azureOf(aLivingVm()), id } } }, /00000002/);
    expect(made.source).toBeUndefined();
  });

  it('is there, and not about to go', () => {
    const gone = { vm: null, saved: null, formerDisks: [], otherRestores: [], locks: [] };
    refusedFor('SOURCE_MISSING', { target: { original: gone } }, /no "web" in the resource group "apps"/);
    refusedFor('SOURCE_MISSING', { target: { original: { ...aLivingVm(), saved: null } } }, /is gone/);
    refusedFor('SOURCE_MISSING', { now: { vm: { provisioningState: 'Deleting' } } }, /is gone/);
    const resourceGroup = { ...originalFacts().target.resourceGroup!, provisioningState: 'Deleting' };
    refusedFor('SOURCE_MISSING', { target: { resourceGroup } }, /is gone/);
  });

  it('is replaced by no other restore that goes on', () => {
    const original = { ...aLivingVm(), otherRestores: ['r2345'] };
    refusedFor(
      'CONTRADICTION',
      { target: { original } },
      /Restore r2345 replaces "web" already/,
      /landfall cancel r2345/,
    );
  });

  it('is held by no lock that stops its removal, or what is asked of its parts', () => {
    const locked = (scope: string, level: 'CanNotDelete' | 'ReadOnly'): OriginalChanges => {
      const lock = { azureId: `${scope}/providers/Microsoft.Authorization/locks/hold`, name: 'hold', scope, level };
      return { target: { original: { ...aLivingVm(), locks: [lock] } } };
    };
    const { vm } = aLivingVm();
    const group = LIVING_VM_ID.replace(/\/providers.*/, '');
    const nic = vm!.nicIds[0]!;
    for (const scope of [LIVING_VM_ID, group, group.replace(/\/resourceGroups.*/, ''), vm!.osDiskId!]) {
      refusedFor('LOCKED', locked(scope, 'CanNotDelete'), /the lock "hold" \(CanNotDelete\) is set on/);
    }
    refusedFor('LOCKED', locked(nic, 'ReadOnly'), /ReadOnly/);
    const stays = planRestore(originalFacts(locked(nic.toUpperCase(), 'CanNotDelete')));
    expect(errorsOf(stays).map(({ code }) => code)).not.toContain('LOCKED');
  });

  it('is the very one that was backed up, and no other one under its name', () => {
    const made = refusedFor('SOURCE_CHANGED', { now: { vm: { instanceId: 'another' } } }, /vmId is another/);
    expect(made.source).toBeUndefined();
    const inBetween = { ...aLivingVm(), saved: aLivingVm({ vm: { instanceId: 'another' } }).saved };
    refusedFor('SOURCE_CHANGED', { target: { original: inBetween } }, /another one/);
    const before = { ...aLivingVm(), vm: aLivingVm({ vm: { instanceId: 'another' } }).vm };
    refusedFor('SOURCE_CHANGED', { target: { original: before } }, /another one/);
    expect(errorsOf(plan({ now: { vm: { instanceId: LIVING_INSTANCE.toUpperCase() } } }))).toStrictEqual([]);
  });

  it('is not the one that Landfall runs on', () => {
    refusedFor('CONTRADICTION', { settings: { applianceId: LIVING_INSTANCE.toUpperCase() } }, /Landfall itself runs/);
  });

  it('is none that can not be made anew around restored disks', () => {
    const securityProfile = (securityType: string) => ({ now: { properties: { securityProfile: { securityType } } } });
    refusedFor('SECURITY_TYPE', securityProfile('TrustedLaunch'), /Trusted Launch/);
    refusedFor('SECURITY_TYPE', securityProfile('ConfidentialVM'), /confidential/);
    expect(errorsOf(plan(securityProfile('Standard')))).toStrictEqual([]);
    const virtualMachineScaleSet = { id: LIVING_VM_ID.replace('virtualMachines', 'virtualMachineScaleSets') };
    refusedFor('CONTRADICTION', { now: { properties: { virtualMachineScaleSet } } }, /scale set/);
    const onHost = { managedDisk: { id: diskIdOf(OS) }, diffDiskSettings: { option: 'Local' } };
    refusedFor('CONTRADICTION', { now: { storage: { osDisk: onHost } } }, /on its host/);
    refusedFor('CONTRADICTION', { now: { storage: { osDisk: { vhd: { uri: 'x' } } } } }, /blobs/);
    const shared = [OS, { name: 'web-data', lun: 0, maxShares: 2 }];
    refusedFor('CONTRADICTION', { now: { disks: shared } }, /"web-data".*shared/, /detach/);
    const unnumbered = [OS, { name: 'web-data', lun: 0, uniqueId: '' }];
    refusedFor('SOURCE_MISSING', { then: { disks: [OS] }, now: { disks: unnumbered } }, /uniqueId/);
  });
});

describe('a request for the original place', () => {
  it('names nothing that the machine decides', () => {
    const destination = {
      ...{ name: 'x', resourceGroup: 'rg', region: 'northeurope', zone: '1', size: 'S', subnetId: 'n' },
      ...{ privateIp: '10.0.0.9', diskSku: 'Premium_LRS' },
    };
    const made = plan({ request: { destination } });
    const errors = errorsOf(made);
    const options = [
      '--name',
      '--resource-group',
      '--region',
      '--zone',
      '--size',
      '--subnet',
      '--private-ip',
      '--disk-sku',
    ];
    expect(errors.map(({ code }) => code)).toStrictEqual(options.map(() => 'CONTRADICTION'));
    for (const [index, option] of options.entries()) expect(errors[index]!.message).toContain(option);
    expect(made.destination).toMatchObject({ vmName: 'web', resourceGroup: 'apps', region: 'westeurope', zone: null });
    expect(made.disks.map(({ sku }) => sku)).toStrictEqual(['Premium_LRS', 'StandardSSD_LRS']);
  });

  it('is for a whole machine, whose disks are read back', () => {
    refusedFor('CONTRADICTION', { request: { disksOnly: true } }, /--disks-only/);
    refusedFor('CONTRADICTION', { request: { verify: 'none' } }, /--verify none/, /sampled or full/);
  });

  it('has its patience in the plan, which the hash binds', () => {
    expect(plan().options).toMatchObject({ maxStopSeconds: 4 * 3_600, waitDays: 7 });
    const made = plan({ request: { maxStopSeconds: 1_800, waitDays: 2 } });
    expect(made.options).toMatchObject({ maxStopSeconds: 1_800, waitDays: 2 });
    const hashes = [{}, { maxStopSeconds: 1_800 }, { waitDays: 2 }].map((request) => plan({ request }).planHash);
    expect(new Set(hashes).size).toBe(3);
  });

  it('is for an image-level backup of a VM', () => {
    refusedFor('POINT_UNSUPPORTED', { point: { kind: 'computer' } }, /no original place/);
    refusedFor('POINT_UNSUPPORTED', { point: { kind: 'snapshot' } }, /no original place/);
  });
});

describe('the size at the original place', () => {
  it('is refused where it is not offered any more, or the restored machine can not use it', () => {
    refusedFor('SIZE_UNAVAILABLE', { now: { vm: { size: 'Standard_Gone' } } }, /Standard_Gone.*not offered/);
    refusedFor('GENERATION_SIZE', { now: { vm: { size: 'Standard_Gen2only' } } }, /Generation 1/);
    const restricted = [...SIZES, vmSize('Standard_R', 2, 4, { restrictedInRegion: true })];
    refusedFor(
      'SIZE_UNAVAILABLE',
      { now: { vm: { size: 'Standard_R' } }, target: { sizes: restricted } },
      /not available/,
    );
    const arm = [...SIZES, vmSize('Standard_Arm', 2, 4, { architecture: 'Arm64' })];
    refusedFor('ARCHITECTURE', { now: { vm: { size: 'Standard_Arm' } }, target: { sizes: arm } }, /Arm64/);
  });

  it('counts the LUNs of the disks that are kept', () => {
    const disks = [...TWO_DISKS, { name: 'late', lun: 20 }];
    refusedFor('DISK_COUNT', { then: {}, now: { disks } }, /21 are needed/);
  });

  it('needs no quota of its own, but the worker does', () => {
    const cores = (current: number) => ({
      ...{ target: { usages: [{ name: 'cores', current, limit: 10 }] }, request: { bootCheck: 'none' as const } },
    });
    expect(errorsOf(plan(cores(8)))).toStrictEqual([]);
    refusedFor('QUOTA', cores(9), /as worker/, /--transfer direct/);
    expect(errorsOf(plan({ ...cores(10), request: { transfer: 'direct', bootCheck: 'none' } }))).toStrictEqual([]);
  });

  it('comes with the controller that the machine has, from which the restored system has to start', () => {
    const nvme = { storage: { diskControllerType: 'NVMe' } };
    refusedFor('DISK_CONTROLLER', { then: {}, now: nvme, machine: { boots: ['uefi'] } }, /NVMe/);
    const made = plan({ then: nvme, machine: { boots: ['uefi'] } });
    expect(errorsOf(made)).toStrictEqual([]);
    expect(made.destination.diskController).toBe('NVMe');
    expect(plan({ machine: { boots: ['uefi'] } }).destination.diskController).toBeUndefined();
  });
});

describe('the worker of a restore to the original place', () => {
  it('stands in the subnet of the machine, unless it has one of its own', () => {
    refusedFor(
      'NETWORK_NOT_FOUND',
      { target: { subnet: null } },
      /first network interface/,
      /LANDFALL_WORKER_SUBNET_ID/,
    );
    expect(errorsOf(plan({ target: { subnet: null }, request: { transfer: 'direct' } }))).toStrictEqual([]);
    const settings = { workerSubnetId: aSubnet().azureId };
    const far = { workerSubnet: aSubnet({ region: 'northeurope' }) };
    refusedFor('NETWORK_NOT_FOUND', { target: far, settings }, /northeurope/, /^Restore with --transfer direct\.$/);
    expect(errorsOf(plan({ target: { subnet: null, workerSubnet: aSubnet() }, settings }))).toStrictEqual([]);
  });
});

describe('the disks at the original place', () => {
  const data = (name: string, lun: number, more: Partial<AnAttachedDisk> = {}): AnAttachedDisk => ({
    name,
    lun,
    ...more,
  });
  const replacements = ({ source }: RestorePlan) =>
    source?.disks.map(({ azureId, replacedBy }) => [azureId.split('/').at(-1), replacedBy]);

  it('have what their originals have today, under their names', () => {
    const then = { disks: [OS, data('web-data', 0)] };
    const now = {
      disks: [
        { ...OS, caching: 'ReadOnly', sku: 'Premium_LRS' } as const,
        data('web-data', 0, { caching: 'ReadWrite', sku: 'UltraSSD_LRS' }),
      ],
    };
    const { disks } = plan({ then, now });
    expect(disks.map(({ azureName, sku, caching }) => ({ azureName, sku, caching }))).toStrictEqual([
      { azureName: 'web-os', sku: 'Premium_LRS', caching: 'ReadOnly' },
      { azureName: 'web-data', sku: 'UltraSSD_LRS', caching: 'ReadWrite' },
    ]);
  });

  it('replace the OS disk whichever it is by now, and a data disk by its number alone', () => {
    const then = { disks: [OS, data('a', 0), data('b', 1)] };
    const swapped = [{ name: 'other-os', lun: null }, data('a', 5), data('b', 1, { uniqueId: 'UNIQUE-B' })];
    expect(replacements(plan({ then, now: { disks: swapped } }))).toStrictEqual([
      ['other-os', 'os'],
      ['a', 'lun0'],
      ['b', 'lun1'],
    ]);
    const anew = [OS, data('a', 7, { uniqueId: 'another' }), data('b', 1)];
    expect(replacements(plan({ then, now: { disks: anew } }))).toStrictEqual([
      ['web-os', 'os'],
      ['a', null],
      ['b', 'lun1'],
    ]);
  });

  it('have the LUNs of the point, and take none from a disk that is kept', () => {
    const then = { disks: [OS, data('a', 3)] };
    const moved = plan({ then, now: { disks: [OS, data('a', 9)] } });
    expect(moved.disks.map(({ lun }) => lun)).toStrictEqual([null, 3]);
    const stranger = { disks: [OS, data('a', 9), data('stranger', 3)] };
    const fix = /detach it.*--exclude-disk/;
    refusedFor(
      'CONTRADICTION',
      { then, now: stranger, target: roomy },
      /"lun3" belongs to LUN 3, where "stranger"/,
      fix,
    );
    const point = { disks: [...pointDisksOf([OS]), aPointDisk({ name: 'more' })] };
    const free = plan({ now: { disks: [OS, data('x', 0), data('y', 1)] }, point });
    expect(free.disks.map(({ name, lun }) => [name, lun])).toStrictEqual([
      ['os', null],
      ['more', 2],
    ]);
  });
  const roomy = { sizes: SIZES.map((size) => ({ ...size, maxDataDisks: 16 })) };

  it('leave alone what is left out', () => {
    const made = plan({ request: { excludeDisks: ['lun0'] } });
    expect(errorsOf(made)).toStrictEqual([]);
    expect(replacements(made)).toStrictEqual([
      ['web-os', 'os'],
      ['web-data', null],
    ]);
    refusedFor('CONTRADICTION', { request: { excludeDisks: ['os'] } }, /OS disk "os" is left out/, /Keep that disk/);
  });

  it('replace no disk twice, whatever a manifest says', () => {
    const then = { disks: [OS, data('a', 0), data('b', 1, { uniqueId: 'unique-a' })] };
    const now = { disks: [OS, data('a', 0)] };
    refusedFor('CONTRADICTION', { then, now }, /both "lun0" and "lun1"/, /--exclude-disk/);
  });

  it('have names that differ, and leave room for the suffix', () => {
    const long = 'x'.repeat(80);
    const then = { disks: [{ name: `${long}-os`, lun: null }, data(`${long}-a`, 0), data(`${long}-b`, 1)] };
    const names = plan({ then }).disks.map(({ azureName }) => azureName);
    expect(new Set(names).size).toBe(3);
    for (const name of names) expect(name.length).toBeLessThanOrEqual(64);
  });

  it('that replace none come as additional ones, under the names that they had', () => {
    const then = { disks: [OS, data('a', 0)] };
    const made = plan({ then, now: { disks: [OS] } });
    expect(made.disks.map(({ azureName, lun }) => [azureName, lun])).toStrictEqual([
      ['web-os', null],
      ['a', 0],
    ]);
  });
});

describe('the estimated outage', () => {
  it('is that of a machine that is replaced, and shorter where it does not run', () => {
    const running = plan().estimates.outageSeconds!;
    const stopped = plan({ now: { vm: { powerState: 'deallocated' } } }).estimates.outageSeconds!;
    expect(running - stopped).toBe(30);
    expect(stopped).toBeGreaterThan(125);
    expect(plan({ request: { destination: { kind: 'new' } } }).estimates.outageSeconds).toBeUndefined();
  });
});

describe('what is said before a machine is replaced', () => {
  /** Each warning, as `CODE message fix`. */
  const warnings = (changes: OriginalChanges = {}): readonly string[] =>
    plan(changes).problems.flatMap(({ severity, code, message, fix }) =>
      severity === 'warning' ? [`${code} ${message} ${fix}`] : [],
    );
  const one = (changes: OriginalChanges, said: RegExp): void => {
    const found = warnings(changes).filter((warning) => said.test(warning));
    assert.equal(found.length, 1, JSON.stringify(warnings(changes), null, 1));
  };
  const none = (changes: OriginalChanges, said: RegExp): void =>
    expect(warnings(changes).filter((warning) => said.test(warning))).toStrictEqual([]);

  it('is since when what was written will be in the snapshots alone, and for how long', () => {
    one({}, /^CUT_OVER .*since 2026-01-02T03:04:05\.000Z .*only in the safety snapshots.*7 days/);
  });

  it('is that the temporary disk is lost, unless that is so already', () => {
    one({}, /^CUT_OVER .*temporary disk/);
    none({ now: { vm: { powerState: 'deallocated' } } }, /temporary disk/);
  });

  it('is what becomes of a machine that was found off, and whether the restored one will run', () => {
    const found = (powerState: string | null) => ({ now: { vm: { powerState } } });
    one({}, /is running: .*started again where .* The restored machine is started\. Give --no-power-on/);
    one(found('deallocated'), /is deallocated, and is left so .* The restored machine is started\. Give --no-power-on/);
    one(found('stopped'), /still has its host: it is deallocated, and is left so/);
    one(found(null), /is in an unknown state/);
    const off = { ...found('deallocated'), request: { powerOn: false } };
    one(off, /The restored machine is left deallocated\. Leave --no-power-on out/);
  });

  it('is that the machine may not stand still for as long as that takes', () => {
    one({ request: { maxStopSeconds: 60 } }, /may do so for 60: it would be kept\. Give a longer --max-stop/);
    none({}, /--max-stop/);
  });

  it('is each disk that is kept', () => {
    const now = { disks: [...TWO_DISKS, { name: 'late', lun: 2 }, { name: 'later', lun: 3 }] };
    one({ then: {}, now }, /^NOT_RESTORED .*"late" at LUN 2/);
    one({ then: {}, now }, /^NOT_RESTORED .*"later" at LUN 3/);
    none({}, /at LUN/);
    one({ request: { excludeDisks: ['lun0'] } }, /^NOT_RESTORED .*"web-data" at LUN 0/);
  });

  it('is each disk that replaces none, and where its original is by now', () => {
    const lost = (formerDisks: readonly CloudDisk[]): OriginalChanges => ({
      target: { original: { ...aLivingVm({ disks: [OS] }), formerDisks } },
    });
    one(lost([]), /^CUT_OVER .*"lun0" .* comes as one more\. Leave it out with --exclude-disk lun0/);
    const standing = aFormerDisk({ uniqueId: 'UNIQUE-WEB-DATA' });
    one(lost([standing]), /Its original "web-data" still exists, unattached, and is left alone/);
    const taken = { ...standing, managedBy: LIVING_VM_ID.replace(/web$/, 'db') };
    one(lost([taken]), /still exists, attached to "db"/);
    none(lost([aFormerDisk({ uniqueId: 'another' })]), /still exists/);
  });

  it('is each disk that had a key or a fence that its new one has not', () => {
    const guarded = (properties: Readonly<Record<string, unknown>>): OriginalChanges => ({
      now: { disks: [TWO_DISKS[0]!, { ...TWO_DISKS[1]!, properties }] },
    });
    one(guarded({ encryption: { diskEncryptionSetId: '/x' } }), /^NOT_RESTORED .*"web-data".* encryption set/);
    one(guarded({ networkAccessPolicy: 'DenyAll' }), /^NOT_RESTORED .*"web-data".* exporting/);
    one(guarded({ publicNetworkAccess: 'Disabled' }), /exporting/);
    none(guarded({ networkAccessPolicy: 'AllowAll', encryption: { type: 'x' } }), /its new one will not have/);
    const kept = guarded({ networkAccessPolicy: 'DenyAll' });
    none({ ...kept, request: { excludeDisks: ['lun0'] } }, /its new one will not have/);
  });

  it('is what Azure does not give a machine that is made anew, each once', () => {
    none({}, /OS profile|protected settings|identity/);
    one({ now: { properties: { osProfile: {} } } }, /^NOT_RESTORED .*OS profile/);
    one({ then: {}, now: { extensions: ['monitor', 'backup'] } }, /^NOT_RESTORED .*"monitor", "backup"/);
    const identity = (type: string) => ({ now: { body: { identity: { type, principalId: 'p-1' } } } });
    one(identity('SystemAssigned, UserAssigned'), /^NOT_RESTORED .*role assignments.*--assignee p-1/);
    none(identity('UserAssigned'), /role assignments/);
  });

  it('is nothing of a new VM that gets less than it had', () => {
    const azure = { ...azureOf(aLivingVm()), nics: [{}, {}], tags: { a: 'b' } };
    none({ point: { azure } }, /new VM/);
  });
});

function aFormerDisk(changes: Partial<CloudDisk>): CloudDisk {
  return {
    ...{ azureId: diskIdOf(TWO_DISKS[1]!), uniqueId: 'unique-web-data', name: 'web-data', resourceGroup: 'apps' },
    ...{ region: 'westeurope', zone: null, sizeBytes: 1, sku: 'Premium_LRS', diskState: 'Unattached' },
    ...{ managedBy: null, ownershipUpdatedAt: null, tags: {}, provisioningState: 'Succeeded' },
    ...changes,
  };
}
