import type { BackupLevel, DiskRole, Firmware, OperatingSystem, PointKind } from '@landfall/domain';
import { z } from 'zod';
import { COUNT, text, TIME } from './fields.js';
import { INSPECTION, SEEN_ON_SOME_DISK } from './inspection.js';
import { PLAN_PROBLEM } from './plan-problem.js';

/** Of a disk's image. */
export const DISK_ORIGIN = z
  .object({
    host: z.string().describe('Empty where it is not known.'),
    path: z.string().describe('Absolute, as the host has it.'),
    tags: z.array(z.string()),
    takenAt: TIME,
  })
  .describe('Where its image was when it was backed up, as the backup program has noted it.');

export const MACHINE = z
  .object({
    id: z.string(),
    name: z.string(),
    aliases: z.array(z.string()).describe('More names by which it is found, such as the host that made the backup.'),
    repositoryName: z.string(),
    points: COUNT,
    latestPointAt: TIME.nullable(),
    hosts: z.array(z.string()).describe('Of the images of its latest point.'),
    paths: z.array(z.string()).describe('Of the images of its latest point.'),
  })
  .meta({
    id: 'Machine',
    description: 'A machine that was backed up, as the last scan of its repository found it.',
    examples: [
      {
        id: 'm-3f2a9c1d04',
        name: 'web',
        aliases: ['web-host'],
        repositoryName: 'nightly',
        points: 12,
        latestPointAt: '2026-05-06T07:08:09.000Z',
        hosts: ['web-host'],
        paths: ['/srv/vm/web.raw'],
      },
    ],
  });

export const OPERATING_SYSTEM = z.object({
  family: z.enum(['linux', 'windows']),
  name: z.string().optional(),
}) satisfies z.ZodType<OperatingSystem>;
export const FIRMWARE = z.enum(['bios', 'uefi']) satisfies z.ZodType<Firmware>;
export const POINT_KIND = z.enum(['image', 'snapshot', 'computer']) satisfies z.ZodType<PointKind>;
export const DISK_ROLE = z.enum(['os', 'data']) satisfies z.ZodType<DiskRole>;

const SOME_POINT = {
  id: 'rp-0123456789',
  machine: 'web',
  machineId: 'm-3f2a9c1d04',
  repository: 'nightly',
  reference: 'a1'.repeat(32),
  takenAt: '2026-05-06T07:08:09.000Z',
  kind: 'image',
  level: 'computer',
  os: null,
  firmware: null,
  hasManifest: false,
  disks: [
    {
      ...{ name: 'sda', role: 'os', lun: null, sizeBytes: 34_359_738_368 },
      origin: { host: 'hv1', path: '/srv/vm/sda.raw', tags: ['nightly'], takenAt: '2026-05-06T07:08:09.000Z' },
    },
  ],
  restorable: true,
  problems: [],
};

export const RESTORE_POINT = z
  .object({
    id: z.string(),
    machine: z.string(),
    machineId: z.string(),
    repository: z.string(),
    reference: z.string().describe('What the repository calls it.'),
    takenAt: TIME,
    kind: POINT_KIND,
    level: z.enum(['computer', 'volume', 'file']) satisfies z.ZodType<BackupLevel>,
    os: OPERATING_SYSTEM.nullable(),
    firmware: FIRMWARE.nullable(),
    hasManifest: z.boolean(),
    disks: z.array(
      z.object({
        name: z.string(),
        role: DISK_ROLE,
        lun: COUNT.nullable(),
        sizeBytes: COUNT,
        origin: DISK_ORIGIN.nullable(),
      }),
    ),
    restorable: z.boolean().describe('False where nothing that a plan could be asked would make it restorable.'),
    problems: z.array(PLAN_PROBLEM),
  })
  .meta({
    id: 'RestorePoint',
    description: 'One backup of a machine. What its repository does not tell is null.',
    examples: [SOME_POINT],
  });

/** One of them alone: with what a scan has noted of its disks. */
export const INSPECTED_POINT = RESTORE_POINT.extend({
  inspection: INSPECTION.nullable().describe('What its disks showed when it was scanned; null: nobody has looked yet.'),
}).meta({
  id: 'InspectedRestorePoint',
  description: 'One backup of a machine, and what was seen on its disks.',
  examples: [{ ...SOME_POINT, inspection: SEEN_ON_SOME_DISK }],
});

export const RESTORE_POINTS_QUERY = z.strictObject({
  machine: text(300).optional().describe('Only those of the machines with this id, name or alias.'),
});

export type MachineView = z.infer<typeof MACHINE>;
export type PointView = z.infer<typeof RESTORE_POINT>;
export type InspectedPointView = z.infer<typeof INSPECTED_POINT>;
