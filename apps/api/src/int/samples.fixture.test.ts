import type { DiscoveredPoint, RestorePlan } from '@landfall/domain';

/** A point as a scan finds it: one machine with two disks. */
export function discovered(change: Partial<DiscoveredPoint> = {}): DiscoveredPoint {
  return {
    reference: 'a1'.repeat(32),
    machineKey: 'web-host /web.raw',
    machineName: 'web',
    aliases: ['web-host'],
    takenAt: new Date('2026-05-06T07:08:09Z'),
    kind: 'image',
    level: 'computer',
    disks: [
      { name: 'web-os', location: 'canary-location/0', sizeBytes: 3 * 2 ** 30 },
      { name: 'web-data', location: 'canary-location/1', sizeBytes: 5 * 2 ** 30 },
    ],
    hasManifest: false,
    problems: [],
    ...change,
  };
}

/** A plan that writes both disks of `discovered`. */
export function planFor(
  pointId: string,
  transfer: 'worker' | 'direct' = 'worker',
  repository = 'nightly',
): RestorePlan {
  const disk = (name: string, gib: number, lun: number | null): RestorePlan['disks'][number] => ({
    name,
    from: `disk:${name}`,
    role: lun === null ? 'os' : 'data',
    lun,
    sizeBytes: gib * 2 ** 30,
    sourceLocation: lun === null ? 'canary-location/0' : 'canary-location/1',
    sourceBytes: gib * 2 ** 30,
    usedBytes: 2 ** 30,
    sku: 'StandardSSD_LRS',
    caching: 'None',
    removableAfterwards: false,
    origin: null,
    azureName: name,
  });
  return {
    restorePoint: {
      id: pointId,
      machine: 'web',
      repository,
      reference: 'a1'.repeat(32),
      kind: 'image',
      takenAt: '2026-05-06T07:08:09.000Z',
      os: null,
      firmware: 'bios',
    },
    destination: {
      kind: 'new',
      subscriptionId: 'sub',
      resourceGroup: 'rg',
      region: 'westeurope',
      zone: null,
      vmName: 'web',
      size: 'Standard_B2s',
      subnetId: '/subnet',
      privateIp: null,
    },
    generation: 1,
    steps: [],
    disks: [disk('web-os', 3, null), disk('web-data', 5, 0)],
    workers: transfer === 'worker' ? [{ size: 'Standard_F2s_v2', disks: ['web-os', 'web-data'] }] : [],
    problems: [],
    estimates: { readBytes: 1, writeBytes: 1, retrievalSeconds: 0, transferSeconds: 1 },
    options: {
      disksOnly: false,
      excludeDisks: [],
      transfer,
      verify: 'sampled',
      powerOn: true,
      bootCheck: 'none',
      isolated: false,
    },
    planHash: `sha256:${'0'.repeat(64)}`,
  };
}
