import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { planRestore, type Problem, type RestorePlan } from '@landfall/domain';
import { aPointDisk, aSubnet, planningFacts, SIZES, vmSize, type FactChanges } from '@landfall/testing';

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
    assert.match(
      onlyError('RESOURCE_GROUP_NOT_FOUND', {
        target: { resourceGroup: null },
        request: { destination: { region: 'westeurope', subnetId: aSubnet().azureId } },
        ...withSubnet(),
      }).message,
      /"apps" does not exist/,
    );
    const unnamed = {
      settings: { defaultResourceGroup: null },
      target: { resourceGroup: null, subnet: aSubnet() },
      request: { destination: { region: 'westeurope', subnetId: aSubnet().azureId } },
    };
    assert.match(onlyError('RESOURCE_GROUP_NOT_FOUND', unnamed).message, /No resource group was named/);
    const badName = { ...unnamed, request: { destination: { ...unnamed.request.destination, resourceGroup: 'a/b' } } };
    assert.match(onlyError('NAME_INVALID', badName).message, /"a\/b"/);
    const group = planningFacts().target.resourceGroup!;
    assert.match(
      onlyError('RESOURCE_GROUP_NOT_FOUND', { target: { resourceGroup: { ...group, provisioningState: 'Deleting' } } })
        .message,
      /being deleted/,
    );
  });

  it('is the region of the resource group, unless one is named; in any spelling', () => {
    assert.equal(plan().destination.region, 'westeurope');
    assert.equal(plan({ request: { destination: { region: 'West Europe' } } }).destination.region, 'westeurope');
    const unknown = onlyError('REGION_NOT_FOUND', {
      request: { destination: { region: 'atlantis' } },
      target: { sizes: [], subnetsInResourceGroup: [aSubnet({ region: 'atlantis' })] },
    });
    assert.match(unknown.message, /"atlantis"/);
    assert.match(unknown.fix, /westeurope/);
  });

  it('needs registered resource providers', () => {
    assert.match(
      onlyError('PROVIDER_NOT_REGISTERED', { target: { unregisteredProviders: ['Microsoft.Compute'] } }).fix,
      /az provider register --namespace Microsoft\.Compute/,
    );
  });

  it('has no VM of that name yet, and the name is one that Azure takes', () => {
    assert.match(onlyError('NAME_TAKEN', { target: { vmExists: true } }).message, /"web" exists already/);
    for (const name of ['bad_name!', 'x'.repeat(65), '-web', 'web-', '']) {
      assert.match(onlyError('NAME_INVALID', { request: { destination: { name } } }).fix, /--name/);
    }
    assert.match(onlyError('NAME_INVALID', { point: { machineName: 'web server' } }).message, /"web server"/);
  });
});

function withSubnet(): Pick<FactChanges, 'target'> {
  return { target: { resourceGroup: null, subnet: aSubnet() } };
}

describe('the network', () => {
  it('is the subnet that is named, else the default, else the only one', () => {
    const other = aSubnet({ azureId: aSubnet().azureId.replace(/machines$/, 'other'), name: 'other' });
    const named = plan({ request: { destination: { subnetId: other.azureId } }, target: { subnet: other } });
    assert.equal(named.destination.subnetId, other.azureId);
    const byDefault = plan({ settings: { defaultSubnetId: other.azureId }, target: { subnet: other } });
    assert.equal(byDefault.destination.subnetId, other.azureId);
    assert.equal(plan().destination.subnetId, aSubnet().azureId);
  });

  it('is not the default one where that lies in another region', () => {
    const far = aSubnet({ region: 'northeurope', azureId: aSubnet().azureId.replace(/machines$/, 'far') });
    assert.equal(
      plan({ settings: { defaultSubnetId: far.azureId }, target: { subnet: far } }).destination.subnetId,
      aSubnet().azureId,
    );
  });

  it('is refused where none, several or none in the region can be meant', () => {
    assert.match(onlyError('NETWORK_NOT_FOUND', { target: { subnetsInResourceGroup: [] } }).message, /has none/);
    const two = [aSubnet(), aSubnet({ azureId: 'x', name: 'second' })];
    assert.match(onlyError('NETWORK_NOT_FOUND', { target: { subnetsInResourceGroup: two } }).message, /has 2 of them/);
  });

  it('is refused where the named one is malformed, missing or in another region', () => {
    const ask = (subnetId: string) => ({ request: { destination: { subnetId } } });
    assert.match(onlyError('NETWORK_NOT_FOUND', ask('machines')).message, /not the full ID/);
    assert.match(onlyError('NETWORK_NOT_FOUND', ask(aSubnet().azureId)).message, /does not exist/);
    const far = aSubnet({ region: 'northeurope' });
    const elsewhere = onlyError('NETWORK_NOT_FOUND', { ...ask(far.azureId), target: { subnet: far } });
    assert.match(elsewhere.message, /northeurope/);
    assert.match(elsewhere.fix, /--region northeurope/);
  });

  it('gives the address that is asked for, if it can', () => {
    const ask = (privateIp: string) => ({ request: { destination: { privateIp } } });
    assert.equal(plan(ask('10.0.0.77')).destination.privateIp, '10.0.0.77');
    assert.match(onlyError('CONTRADICTION', ask('10.0.1.5')).message, /not in the subnet/);
    assert.match(onlyError('CONTRADICTION', ask('ten')).message, /not an IPv4 address/);
    for (const reserved of ['10.0.0.0', '10.0.0.3', '10.0.0.255'])
      assert.match(onlyError('IP_IN_USE', ask(reserved)).message, /Azure keeps/);
    const used = { ...ask('10.0.0.9'), target: { subnetsInResourceGroup: [aSubnet({ usedAddresses: ['10.0.0.9'] })] } };
    assert.match(onlyError('IP_IN_USE', used).message, /is in use/);
  });

  it('is needed for disks alone only where a worker stands in it', () => {
    const target = { subnetsInResourceGroup: [] };
    assert.equal(plan({ target, request: { disksOnly: true, transfer: 'direct' } }).problems.length, 0);
    onlyError('NETWORK_NOT_FOUND', { target, request: { disksOnly: true } });
    const workerSubnet = aSubnet();
    assert.deepEqual(
      plan({
        target: { ...target, workerSubnet },
        settings: { workerSubnetId: workerSubnet.azureId },
        request: { disksOnly: true },
      }).problems,
      [],
    );
  });

  it('of the workers has to exist, in the right region', () => {
    const settings = { workerSubnetId: aSubnet().azureId };
    assert.match(onlyError('NETWORK_NOT_FOUND', { settings }).message, /workers' subnet/);
    const far = { settings, target: { workerSubnet: aSubnet({ region: 'northeurope' }) } };
    assert.match(onlyError('NETWORK_NOT_FOUND', far).message, /northeurope/);
    assert.deepEqual(plan({ ...far, request: { transfer: 'direct' } }).problems, []);
  });
});

describe('the size of the VM', () => {
  const sized = (changes: FactChanges) => plan(changes).destination.size;

  it('is the smallest preferred one that takes the disks', () => {
    assert.equal(sized({}), 'Standard_D2s_v5');
    assert.equal(sized({ point: { disks: manyDisks(5) } }), 'Standard_D8s_v5');
    assert.equal(sized({ point: { disks: manyDisks(20) } }), 'Standard_F16s_v2');
  });

  it('is the one of the source VM where that can be had', () => {
    const azure = (vmSizeName: string) => ({ vm: { properties: { hardwareProfile: { vmSize: vmSizeName } } } });
    assert.equal(sized({ point: { azure: azure('standard_f4s_v2') } }), 'Standard_F4s_v2');
    const gone = plan({ point: { azure: azure('Standard_Gone') } });
    assert.equal(gone.destination.size, 'Standard_D2s_v5');
    assert.deepEqual(
      gone.problems.map(({ severity, code }) => [severity, code]),
      [['warning', 'SIZE_UNAVAILABLE']],
    );
    assert.equal(sized({ point: { azure: { vm: 'nonsense' } } }), 'Standard_D2s_v5');
  });

  it('has LUNs up to the highest one of the manifest', () => {
    const disks = [aPointDisk({ name: 'os', role: 'os' }), aPointDisk({ name: 'data', lun: 9 })];
    assert.equal(sized({ point: { disks } }), 'Standard_D8s_v5');
  });

  it('boots the generation', () => {
    const only = { target: { sizes: SIZES.filter((size) => /only|F2s/.test(size.name)) } };
    assert.equal(sized({ ...only, point: { disks: manyDisks(6) } }), 'Standard_Gen1only');
    assert.equal(sized({ ...only, point: { disks: manyDisks(6) }, machine: { boots: ['uefi'] } }), 'Standard_Gen2only');
    const wrong = onlyError('GENERATION_SIZE', { request: { destination: { size: 'Standard_Gen2only' } } });
    assert.match(wrong.message, /can't boot a Generation 1 VM/);
  });

  it('is refused where the named one is not offered, restricted or not in the zone', () => {
    const ask = (size: string, zone?: string) => ({
      request: { destination: { size, ...(zone === undefined ? {} : { zone }) } },
    });
    assert.match(onlyError('SIZE_UNAVAILABLE', ask('Standard_Huge')).message, /"Standard_Huge" is not offered/);
    const restricted = {
      ...ask('Standard_R'),
      target: { sizes: [...SIZES, vmSize('Standard_R', 2, 4, { restrictedInRegion: true })] },
    };
    assert.match(onlyError('SIZE_UNAVAILABLE', restricted).message, /not available to this subscription/);
    const zoned = {
      ...ask('Standard_Z', '2'),
      target: { sizes: [...SIZES, vmSize('Standard_Z', 2, 4, { restrictedZones: ['2'] })] },
    };
    assert.match(onlyError('SIZE_UNAVAILABLE', zoned).message, /zone 2/);
  });

  it('is refused where it takes too few disks, and one that fits is named', () => {
    const few = onlyError('DISK_COUNT', {
      point: { disks: manyDisks(5) },
      request: { destination: { size: 'Standard_D2s_v5' } },
    });
    assert.match(few.message, /takes 4 data disks, and 5 are needed/);
    assert.match(few.fix, /Standard_D8s_v5/);
    const none = plan({ point: { disks: manyDisks(40) } });
    assert.ok(none.problems.some((problem) => problem.code === 'DISK_COUNT' && problem.severity === 'error'));
  });

  it('stays within the quota, of the family and in all', () => {
    const family = { name: 'standardDSv5Family', current: 9, limit: 10 };
    assert.equal(sized({ target: { usages: [family] } }), 'Standard_D2_v2');
    const named = onlyError('QUOTA', {
      target: { usages: [family] },
      request: { destination: { size: 'Standard_D2s_v5' } },
    });
    assert.match(named.message, /standardDSv5Family has 9 of 10 cores in use and 2 more are needed/);
    const { problems } = plan({ target: { usages: [{ name: 'cores', current: 100, limit: 100 }] } });
    assert.deepEqual(
      problems.map((problem) => problem.code),
      ['QUOTA', 'QUOTA'],
    );
  });

  it('is refused where the region has none, or no zone has', () => {
    const empty = plan({ target: { sizes: [] } });
    assert.deepEqual(
      empty.problems.map((problem) => problem.code),
      ['SIZE_UNAVAILABLE'],
    );
    const zone = plan({ request: { destination: { zone: '9' } } });
    assert.match(zone.problems[0]!.fix, /--zone/);
  });
});

describe('the workers', () => {
  const workersOf = (count: number, bytesEach = 0, changes: FactChanges = {}) => {
    const disks = manyDisks(count - 1);
    const usedBytes = Object.fromEntries(disks.map((disk) => [disk.name, bytesEach]));
    return plan({ request: { disksOnly: true }, point: { disks }, usedBytes, ...changes }).workers;
  };

  it('are one of the smallest size for few disks with little on them', () => {
    assert.deepEqual(workersOf(3), [{ size: 'Standard_F2s_v2', disks: ['os', 'data0', 'data1'] }]);
  });

  it('are as large as the number of disks asks for', () => {
    assert.equal(workersOf(5)[0]?.size, 'Standard_F4s_v2');
    assert.equal(workersOf(32)[0]?.size, 'Standard_F16s_v2');
  });

  it('are as fast as it takes to be done within an hour, if a size is', () => {
    // 47 MB/s for an hour are 169 GB; 95 MB/s 342 GB; more than 1.4 TB take the fastest all the same.
    assert.equal(workersOf(1, 169e9)[0]?.size, 'Standard_F2s_v2');
    assert.equal(workersOf(1, 171e9)[0]?.size, 'Standard_F4s_v2');
    assert.equal(workersOf(1, 9e12)[0]?.size, 'Standard_F16s_v2');
  });

  it('are several for more than 32 disks, each disk with one of them', () => {
    const workers = workersOf(70, 1e9);
    assert.equal(workers.length, 3);
    const all = workers.flatMap((worker) => worker.disks);
    assert.equal(new Set(all).size, 70);
    assert.equal(all.length, 70);
    assert.ok(workers.every((worker) => worker.disks.length >= 23 && worker.disks.length <= 24));
  });

  it('stay within the quota, and are refused where none does', () => {
    const usages = [{ name: 'standardFSv2Family', current: 0, limit: 4 }];
    assert.equal(workersOf(1, 9e12, { target: { usages } })[0]?.size, 'Standard_F4s_v2');
    const refused = onlyError('QUOTA', {
      request: { disksOnly: true },
      target: { usages: [{ name: 'cores', current: 9, limit: 10 }] },
    });
    assert.match(refused.fix, /--transfer direct/);
  });

  it('have another size where none of theirs is offered', () => {
    assert.equal(workersOf(1, 0, { target: { sizes: [vmSize('Standard_Other', 2, 4)] } })[0]?.size, 'Standard_Other');
  });

  it('can use premium disks where there are some', () => {
    const sizes = [vmSize('Standard_F2s_v2', 2, 4, { premiumIo: false }), vmSize('Standard_F4s_v2', 4, 8)];
    const point = { disks: [aPointDisk({ sku: 'Premium_LRS' })] };
    assert.equal(plan({ point, target: { sizes }, request: { disksOnly: true } }).workers[0]?.size, 'Standard_F4s_v2');
  });
});

describe('the estimates', () => {
  it('count what is used, at the speed of the worker or of the slowest disk', () => {
    const { estimates } = plan({ usedBytes: { sda: 47e6 * 100 } });
    assert.deepEqual(estimates, { readBytes: 47e8, writeBytes: 47e8, retrievalSeconds: 0, transferSeconds: 100 });
    const many = plan({ point: { disks: manyDisks(1) }, usedBytes: { os: 47e6 * 50, data0: 47e6 * 50 } });
    assert.equal(many.estimates.transferSeconds, 100);
  });

  it('of a direct transfer know no worker', () => {
    assert.equal(
      plan({ usedBytes: { sda: 60e6 * 10 }, request: { transfer: 'direct' } }).estimates.transferSeconds,
      10,
    );
  });
});
