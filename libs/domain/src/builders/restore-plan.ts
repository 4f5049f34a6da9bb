import {
  STEPS,
  wholeImage,
  type CutSegment,
  type PlannedContents,
  type PlannedDisk,
  type Problem,
  type RestorePlan,
  type StepId,
} from '../index.js';
import { GIB } from './restore-point.js';

/** The steps of a restore to a new location through a worker. */
const NEW_LOCATION: readonly StepId[] = [
  'plan',
  'create-empty-disks',
  'launch-worker',
  'restore-data',
  'detach-disks',
  'deallocate-worker',
  'create-vm',
  'attach-disks',
];

/** A plan to restore one disk to a new location; `problems` with an error make it a refused one. */
export function aRestorePlan(changes: { steps?: readonly StepId[]; problems?: readonly Problem[] } = {}): RestorePlan {
  const wanted = changes.steps ?? NEW_LOCATION;
  return {
    restorePoint: {
      id: 'rp-0123456789',
      machine: 'web',
      repository: 'backups',
      reference: 'snapshot-1',
      kind: 'image',
      takenAt: '2026-01-02T03:04:05.000Z',
      os: null,
      firmware: 'bios',
    },
    destination: {
      kind: 'new',
      subscriptionId: '00000000-0000-0000-0000-000000000001',
      resourceGroup: 'restored',
      region: 'westeurope',
      zone: null,
      vmName: 'web',
      size: 'Standard_B2s',
      subnetId: null,
      privateIp: null,
    },
    generation: 1,
    steps: STEPS.map(({ number, id }) => ({ number, id, applies: wanted.includes(id), why: 'new location' })),
    disks: [
      {
        name: 'sda',
        from: 'disk:sda',
        role: 'os',
        lun: null,
        sizeBytes: 10 * GIB,
        sourceLocation: 'snapshot-1/sda.raw',
        sourceBytes: 10 * GIB,
        usedBytes: 2 * GIB,
        sku: 'StandardSSD_LRS',
        caching: 'ReadWrite',
        removableAfterwards: false,
        origin: null,
        azureName: 'web-sda',
      },
    ],
    workers: [{ size: 'Standard_F2s_v2', disks: ['sda'] }],
    problems: changes.problems ?? [],
    estimates: { readBytes: 2 * GIB, writeBytes: 2 * GIB, retrievalSeconds: 0, transferSeconds: 60 },
    options: {
      disksOnly: false,
      excludeDisks: [],
      transfer: 'worker',
      verify: 'sampled',
      powerOn: true,
      bootCheck: 'none',
      isolated: false,
    },
    planHash: `sha256:${'0'.repeat(64)}`,
  };
}

/** What its disks are to hold: each is an image, from end to end. The default has nothing on them. */
export function theContents(
  { restorePoint: { repository }, disks }: Pick<RestorePlan, 'restorePoint' | 'disks'>,
  usedOf: (disk: PlannedDisk) => readonly CutSegment[] = () => [],
): readonly PlannedContents[] {
  return disks.map((disk) => {
    const { name, sourceLocation: location, sourceBytes: sizeBytes } = disk;
    const source = { repository, images: [{ name, location, sizeBytes }] };
    return { name, recipe: wholeImage(name, sizeBytes), source, used: usedOf(disk) };
  });
}
