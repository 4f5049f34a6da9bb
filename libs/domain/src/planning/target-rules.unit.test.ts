import { describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import { planRestore, type Problem, type RestorePlan } from '../index.js';
import { aPointDisk, aSubnet, planningFacts, SIZES, vmSize, type FactChanges } from '../builders/index.js';

const plan = (changes: FactChanges = {}): RestorePlan => planRestore(planningFacts(changes));

/** The only problem of the plan, which must be an error with this code. */
function onlyError(code: Problem['code'], changes: FactChanges): Problem {
  const { problems } = plan(changes);
  assert.deepEqual(
    problems.map((problem) => `${problem.severity} ${problem.code}`),
    [`error ${code}`],
    JSON.stringify(problems),
  );
  return problems[0]!;
}

const manyDisks = (count: number) => [
  aPointDisk({ name: 'os', role: 'os' }),
  ...Array.from({ length: count }, (_, index) => aPointDisk({ name: `data${index}` })),
];

describe('the place of the new machine', () => {
  it('is refused where the resource group is unknown, unnamed, badly named or going away', () => {
    expect(
      onlyError('RESOURCE_GROUP_NOT_FOUND', {
        target: { resourceGroup: null },
        request: { destination: { region: 'westeurope', subnetId: aSubnet().azureId } },
        ...withSubnet(),
      }).message,
    ).toMatch(/"apps" does not exist/);
    const unnamed = {
      settings: { defaultResourceGroup: null },
      target: { resourceGroup: null, subnet: aSubnet() },
      request: { destination: { region: 'westeurope', subnetId: aSubnet().azureId } },
    };
    expect(onlyError('RESOURCE_GROUP_NOT_FOUND', unnamed).message).toMatch(/No resource group was named/);
    const badName = { ...unnamed, request: { destination: { ...unnamed.request.destination, resourceGroup: 'a/b' } } };
    expect(onlyError('NAME_INVALID', badName).message).toMatch(/"a\/b"/);
    const group = planningFacts().target.resourceGroup!;
    expect(
      onlyError('RESOURCE_GROUP_NOT_FOUND', { target: { resourceGroup: { ...group, provisioningState: 'Deleting' } } })
        .message,
    ).toMatch(/being deleted/);
  });

  it('is the region of the resource group, unless one is named; in any spelling', () => {
    expect(plan().destination.region).toBe('westeurope');
    expect(plan({ request: { destination: { region: 'West Europe' } } }).destination.region).toBe('westeurope');
    const unknown = onlyError('REGION_NOT_FOUND', {
      request: { destination: { region: 'atlantis' } },
      target: { sizes: [], subnetsInResourceGroup: [aSubnet({ region: 'atlantis' })] },
    });
    expect(unknown.message).toMatch(/"atlantis"/);
    expect(unknown.fix).toMatch(/westeurope/);
  });

  it('needs registered resource providers', () => {
    expect(
      onlyError('PROVIDER_NOT_REGISTERED', { target: { unregisteredProviders: ['Microsoft.Compute'] } }).fix,
    ).toMatch(/az provider register --namespace Microsoft\.Compute/);
  });

  it('has no VM of that name yet, and the name is one that Azure takes', () => {
    expect(onlyError('NAME_TAKEN', { target: { vmExists: true } }).message).toMatch(/"web" exists already/);
    for (const name of ['bad_name!', 'x'.repeat(65), '-web', 'web-', '']) {
      expect(onlyError('NAME_INVALID', { request: { destination: { name } } }).fix).toMatch(/--name/);
    }
    expect(onlyError('NAME_INVALID', { point: { machineName: 'web server' } }).message).toMatch(/"web server"/);
  });
});

function withSubnet(): Pick<FactChanges, 'target'> {
  return { target: { resourceGroup: null, subnet: aSubnet() } };
}

describe('the network', () => {
  it('is the subnet that is named, else the default, else the only one', () => {
    const other = aSubnet({ azureId: aSubnet().azureId.replace(/machines$/, 'other'), name: 'other' });
    const named = plan({ request: { destination: { subnetId: other.azureId } }, target: { subnet: other } });
    expect(named.destination.subnetId).toBe(other.azureId);
    const byDefault = plan({ settings: { defaultSubnetId: other.azureId }, target: { subnet: other } });
    expect(byDefault.destination.subnetId).toBe(other.azureId);
    expect(plan().destination.subnetId).toBe(aSubnet().azureId);
  });

  it('is not the default one where that lies in another region', () => {
    const far = aSubnet({ region: 'northeurope', azureId: aSubnet().azureId.replace(/machines$/, 'far') });
    expect(plan({ settings: { defaultSubnetId: far.azureId }, target: { subnet: far } }).destination.subnetId).toBe(
      aSubnet().azureId,
    );
  });

  it('is refused where none, several or none in the region can be meant', () => {
    expect(onlyError('NETWORK_NOT_FOUND', { target: { subnetsInResourceGroup: [] } }).message).toMatch(/has none/);
    const two = [aSubnet(), aSubnet({ azureId: 'x', name: 'second' })];
    expect(onlyError('NETWORK_NOT_FOUND', { target: { subnetsInResourceGroup: two } }).message).toMatch(
      /has 2 of them/,
    );
  });

  it('is refused where the named one is malformed, missing or in another region', () => {
    const ask = (subnetId: string) => ({ request: { destination: { subnetId } } });
    expect(onlyError('NETWORK_NOT_FOUND', ask('machines')).message).toMatch(/not the full ID/);
    expect(onlyError('NETWORK_NOT_FOUND', ask(aSubnet().azureId)).message).toMatch(/does not exist/);
    const far = aSubnet({ region: 'northeurope' });
    const elsewhere = onlyError('NETWORK_NOT_FOUND', { ...ask(far.azureId), target: { subnet: far } });
    expect(elsewhere.message).toMatch(/northeurope/);
    expect(elsewhere.fix).toMatch(/--region northeurope/);
  });

  it('gives the address that is asked for, if it can', () => {
    const ask = (privateIp: string) => ({ request: { destination: { privateIp } } });
    expect(plan(ask('10.0.0.77')).destination.privateIp).toBe('10.0.0.77');
    expect(onlyError('CONTRADICTION', ask('10.0.1.5')).message).toMatch(/not in the subnet/);
    expect(onlyError('CONTRADICTION', ask('ten')).message).toMatch(/not an IPv4 address/);
    for (const reserved of ['10.0.0.0', '10.0.0.3', '10.0.0.255'])
      expect(onlyError('IP_IN_USE', ask(reserved)).message).toMatch(/Azure keeps/);
    const used = { ...ask('10.0.0.9'), target: { privateIpTaken: true } };
    expect(onlyError('IP_IN_USE', used).message).toMatch(/is in use/);
  });

  it('is needed for disks alone only where a worker stands in it', () => {
    const target = { subnetsInResourceGroup: [] };
    expect(plan({ target, request: { disksOnly: true, transfer: 'direct' } }).problems.length).toBe(0);
    onlyError('NETWORK_NOT_FOUND', { target, request: { disksOnly: true } });
    const workerSubnet = aSubnet();
    expect(
      plan({
        target: { ...target, workerSubnet },
        settings: { workerSubnetId: workerSubnet.azureId },
        request: { disksOnly: true },
      }).problems,
    ).toStrictEqual([]);
  });

  it('of the workers has to exist, in the right region', () => {
    const settings = { workerSubnetId: aSubnet().azureId };
    expect(onlyError('NETWORK_NOT_FOUND', { settings }).message).toMatch(/workers' subnet/);
    const far = { settings, target: { workerSubnet: aSubnet({ region: 'northeurope' }) } };
    expect(onlyError('NETWORK_NOT_FOUND', far).message).toMatch(/northeurope/);
    expect(plan({ ...far, request: { transfer: 'direct' } }).problems).toStrictEqual([]);
  });
});

describe('the size of the VM', () => {
  const sized = (changes: FactChanges) => plan(changes).destination.size;

  it('is the smallest preferred one that takes the disks', () => {
    expect(sized({})).toBe('Standard_D2s_v5');
    expect(sized({ point: { disks: manyDisks(5) } })).toBe('Standard_D8s_v5');
    expect(sized({ point: { disks: manyDisks(20) } })).toBe('Standard_F16s_v2');
  });

  it('is the one of the source VM where that can be had', () => {
    const azure = (vmSizeName: string) => ({ vm: { properties: { hardwareProfile: { vmSize: vmSizeName } } } });
    expect(sized({ point: { azure: azure('standard_f4s_v2') } })).toBe('Standard_F4s_v2');
    const gone = plan({ point: { azure: azure('Standard_Gone') } });
    expect(gone.destination.size).toBe('Standard_D2s_v5');
    expect(gone.problems.map(({ severity, code }) => [severity, code])).toStrictEqual([
      ['warning', 'SIZE_UNAVAILABLE'],
    ]);
    expect(sized({ point: { azure: { vm: 'nonsense' } } })).toBe('Standard_D2s_v5');
  });

  it('has LUNs up to the highest one of the manifest', () => {
    const disks = [aPointDisk({ name: 'os', role: 'os' }), aPointDisk({ name: 'data', lun: 9 })];
    expect(sized({ point: { disks } })).toBe('Standard_D8s_v5');
  });

  it('boots the generation', () => {
    const only = { target: { sizes: SIZES.filter((size) => /only|F2s/.test(size.name)) } };
    expect(sized({ ...only, point: { disks: manyDisks(6) } })).toBe('Standard_Gen1only');
    expect(sized({ ...only, point: { disks: manyDisks(6) }, machine: { boots: ['uefi'] } })).toBe('Standard_Gen2only');
    const wrong = onlyError('GENERATION_SIZE', { request: { destination: { size: 'Standard_Gen2only' } } });
    expect(wrong.message).toMatch(/can't boot a Generation 1 VM/);
  });

  it('is refused where the named one is not offered, restricted or not in the zone', () => {
    const ask = (size: string, zone?: string) => ({
      request: { destination: { size, ...(zone === undefined ? {} : { zone }) } },
    });
    expect(onlyError('SIZE_UNAVAILABLE', ask('Standard_Huge')).message).toMatch(/"Standard_Huge" is not offered/);
    const restricted = {
      ...ask('Standard_R'),
      target: { sizes: [...SIZES, vmSize('Standard_R', 2, 4, { restrictedInRegion: true })] },
    };
    expect(onlyError('SIZE_UNAVAILABLE', restricted).message).toMatch(/not available to this subscription/);
    const zoned = {
      ...ask('Standard_Z', '2'),
      target: { sizes: [...SIZES, vmSize('Standard_Z', 2, 4, { restrictedZones: ['2'] })] },
    };
    expect(onlyError('SIZE_UNAVAILABLE', zoned).message).toMatch(/zone 2/);
  });

  it('is refused where it takes too few disks, and one that fits is named', () => {
    const few = onlyError('DISK_COUNT', {
      point: { disks: manyDisks(5) },
      request: { destination: { size: 'Standard_D2s_v5' } },
    });
    expect(few.message).toMatch(/takes 4 data disks, and 5 are needed/);
    expect(few.fix).toMatch(/Standard_D8s_v5/);
    const none = plan({ point: { disks: manyDisks(40) } });
    expect(none.problems.some((problem) => problem.code === 'DISK_COUNT' && problem.severity === 'error')).toBe(true);
  });

  it('stays within the quota, of the family and in all', () => {
    const family = { name: 'standardDSv5Family', current: 9, limit: 10 };
    expect(sized({ target: { usages: [family] } })).toBe('Standard_D2_v2');
    const named = onlyError('QUOTA', {
      target: { usages: [family] },
      request: { destination: { size: 'Standard_D2s_v5' } },
    });
    expect(named.message).toMatch(/standardDSv5Family has 9 of 10 cores in use and 2 more are needed/);
    const { problems } = plan({ target: { usages: [{ name: 'cores', current: 100, limit: 100 }] } });
    expect(problems.map((problem) => problem.code)).toStrictEqual(['QUOTA', 'QUOTA']);
  });

  it('is refused where the region has none, or no zone has', () => {
    const empty = plan({ target: { sizes: [] } });
    expect(empty.problems.map((problem) => problem.code)).toStrictEqual(['SIZE_UNAVAILABLE']);
    // A worker needs one, too.
    const codes = (transfer: 'worker' | 'direct') =>
      plan({ request: { disksOnly: true, transfer }, target: { sizes: [] } }).problems.map(({ code }) => code);
    expect([codes('worker'), codes('direct')]).toStrictEqual([['SIZE_UNAVAILABLE'], []]);
    const zone = plan({ request: { destination: { zone: '9' } } });
    expect(zone.problems[0]!.fix).toMatch(/--zone/);
  });
});

describe('what the machine’s system asks of the size', () => {
  const nvmeOnly = vmSize('Standard_D2s_v6', 2, 4, { generations: [2], diskControllers: ['NVMe'] });
  const arm = vmSize('Standard_D2pds_v6', 2, 4, { generations: [2], architecture: 'Arm64' });
  const ranWith = (properties: object) => ({ vm: { properties } });
  const nvme = ranWith({ storageProfile: { diskControllerType: 'NVMe' } });
  const uefi = { boots: ['uefi' as const] };
  const named = (size: string) => ({ destination: { size } });

  it('is a controller that it is known to start from: NVMe alone only where it ran so', () => {
    const sizes = [...SIZES, nvmeOnly];
    const refused = onlyError('DISK_CONTROLLER', { machine: uefi, request: named(nvmeOnly.name), target: { sizes } });
    expect(refused.message).toMatch(/NVMe controllers alone/);
    expect(refused.fix).toMatch(/such as Standard_/);
    const taken = plan({ machine: uefi, request: named(nvmeOnly.name), target: { sizes }, point: { azure: nvme } });
    expect([taken.problems, taken.destination.diskController]).toStrictEqual([[], 'NVMe']);
    const both = plan({ machine: uefi, point: { azure: nvme } });
    expect([both.destination.size, both.destination.diskController]).toStrictEqual(['Standard_D2s_v5', undefined]);
    const none = onlyError('DISK_CONTROLLER', {
      machine: uefi,
      request: { transfer: 'direct' },
      target: { sizes: [nvmeOnly] },
    });
    expect(none.message).toMatch(/Every VM size in westeurope/);
  });

  it('is never NVMe for a Generation 1 VM, whatever the manifest says', () => {
    const sizes = [vmSize('Standard_Odd', 2, 4, { diskControllers: ['NVMe'] })];
    onlyError('DISK_CONTROLLER', { point: { azure: nvme }, request: { transfer: 'direct' }, target: { sizes } });
    const nonsense = ranWith({ storageProfile: { diskControllerType: 'nvme; drop' } });
    const asked = { machine: uefi, request: named(nvmeOnly.name), target: { sizes: [...SIZES, nvmeOnly] } };
    onlyError('DISK_CONTROLLER', { ...asked, point: { azure: nonsense } });
  });

  it('is the processor that it is made for, x64 where nothing tells', () => {
    const sizes = [...SIZES, arm];
    const wrong = onlyError('ARCHITECTURE', { machine: uefi, request: named(arm.name), target: { sizes } });
    expect(wrong.message).toMatch(/has Arm64 processors, and the machine is made for x64/);
    const armed = { ...uefi, architecture: 'Arm64' as const };
    const { size, architecture } = plan({ machine: armed, target: { sizes } }).destination;
    expect([size, architecture]).toStrictEqual([arm.name, 'Arm64']);
    expect(onlyError('ARCHITECTURE', { machine: armed }).message).toMatch(/no VM size in westeurope has them/);
  });

  it('is told of Trusted Launch, which is lost and can come back on a size that has it', () => {
    const azure = ranWith({ securityProfile: { securityType: 'TrustedLaunch' } });
    const without = SIZES.map((size) => ({ ...size, trustedLaunch: size.name === 'Standard_D8s_v5' }));
    const preferred = plan({ machine: uefi, point: { azure }, target: { sizes: without } });
    expect(preferred.destination.size).toBe('Standard_D8s_v5');
    expect(preferred.problems.map(({ severity, code }) => `${severity} ${code}`)).toStrictEqual([
      'warning SECURITY_TYPE',
    ]);
    expect(preferred.problems[0]!.fix).toMatch(/--security-type TrustedLaunch/);
    const asked = { machine: uefi, point: { azure }, request: named('Standard_D2s_v5'), target: { sizes: without } };
    expect(plan(asked).problems[0]!.fix).toMatch(/Standard_D2s_v5 can't have Trusted Launch/);
    expect(plan({ point: { azure }, request: { disksOnly: true } }).problems).toStrictEqual([]);
  });

  it('is more than this version can give to a confidential VM', () => {
    const azure = ranWith({ securityProfile: { securityType: 'ConfidentialVM' } });
    expect(onlyError('SECURITY_TYPE', { machine: uefi, point: { azure } }).fix).toMatch(/--disks-only/);
  });
});

describe('the workers', () => {
  const workersOf = (count: number, bytesEach = 0, changes: FactChanges = {}) => {
    const disks = manyDisks(count - 1);
    const usedBytes = Object.fromEntries(disks.map((disk) => [disk.name, bytesEach]));
    return plan({ request: { disksOnly: true }, point: { disks }, usedBytes, ...changes }).workers;
  };

  it('are one of the smallest size for few disks with little on them', () => {
    expect(workersOf(3)).toStrictEqual([{ size: 'Standard_F2s_v2', disks: ['os', 'data0', 'data1'] }]);
  });

  it('are as large as the number of disks asks for', () => {
    expect(workersOf(5)[0]?.size).toBe('Standard_F4s_v2');
    expect(workersOf(32)[0]?.size).toBe('Standard_F16s_v2');
  });

  it('are as fast as it takes to be done within an hour, if a size is', () => {
    // 47 MB/s for an hour are 169 GB; 95 MB/s 342 GB; more than 1.4 TB take the fastest all the same.
    expect(workersOf(1, 169e9)[0]?.size).toBe('Standard_F2s_v2');
    expect(workersOf(1, 171e9)[0]?.size).toBe('Standard_F4s_v2');
    expect(workersOf(1, 9e12)[0]?.size).toBe('Standard_F16s_v2');
  });

  it('are several for more than 32 disks, each disk with one of them', () => {
    const workers = workersOf(70, 1e9);
    expect(workers.length).toBe(3);
    const all = workers.flatMap((worker) => worker.disks);
    expect(new Set(all).size).toBe(70);
    expect(all.length).toBe(70);
    expect(workers.every((worker) => worker.disks.length >= 23 && worker.disks.length <= 24)).toBe(true);
  });

  it('stay within the quota, and are refused where none does', () => {
    const usages = [{ name: 'standardFSv2Family', current: 0, limit: 4 }];
    expect(workersOf(1, 9e12, { target: { usages } })[0]?.size).toBe('Standard_F4s_v2');
    const refused = onlyError('QUOTA', {
      request: { disksOnly: true },
      target: { usages: [{ name: 'cores', current: 9, limit: 10 }] },
    });
    expect(refused.fix).toMatch(/--transfer direct/);
  });

  it('have another size where none of theirs is offered', () => {
    expect(workersOf(1, 0, { target: { sizes: [vmSize('Standard_Other', 2, 4)] } })[0]?.size).toBe('Standard_Other');
  });

  it('have processors and controllers that every image of a worker can use', () => {
    const odd = { diskControllers: ['NVMe' as const] };
    const sizes = [vmSize('Standard_F2s_v2', 2, 4, odd), vmSize('Standard_F4s_v2', 4, 8, { architecture: 'Arm64' })];
    const common = vmSize('Standard_Common', 8, 16);
    expect(workersOf(1, 0, { target: { sizes: [...sizes, common] } })[0]?.size).toBe(common.name);
  });

  it('can use premium disks where there are some', () => {
    const sizes = [vmSize('Standard_F2s_v2', 2, 4, { premiumIo: false }), vmSize('Standard_F4s_v2', 4, 8)];
    const point = { disks: [aPointDisk({ sku: 'Premium_LRS' })] };
    expect(plan({ point, target: { sizes }, request: { disksOnly: true } }).workers[0]?.size).toBe('Standard_F4s_v2');
  });
});

describe('the estimates', () => {
  it('count what is used, at the speed of the worker or of the slowest disk', () => {
    const { estimates } = plan({ usedBytes: { sda: 47e6 * 100 } });
    expect(estimates).toStrictEqual({ readBytes: 47e8, writeBytes: 47e8, retrievalSeconds: 0, transferSeconds: 100 });
    const many = plan({ point: { disks: manyDisks(1) }, usedBytes: { os: 47e6 * 50, data0: 47e6 * 50 } });
    expect(many.estimates.transferSeconds).toBe(100);
  });

  it('of a direct transfer know no worker', () => {
    expect(plan({ usedBytes: { sda: 60e6 * 10 }, request: { transfer: 'direct' } }).estimates.transferSeconds).toBe(10);
  });
});
