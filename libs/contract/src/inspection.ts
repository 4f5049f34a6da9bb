import { DISK_FINDINGS, type DiskFinding } from '@landfall/domain';
import { z } from 'zod';
import { COUNT } from './fields.js';
import { PLAN_PROBLEM } from './plan-problem.js';

const CONTENT = z
  .object({
    type: z.string().describe('In the words of blkid, such as ext4, vfat, LVM2_member.'),
    version: z.string().nullable(),
    label: z.string().nullable(),
    uuid: z.string().nullable(),
  })
  .describe('What a disk, partition or volume holds.');
const STATE = z
  .enum(['known', 'empty', 'closed', 'unknown'])
  .describe('closed: what holds it is known, and it can not be looked into; unknown: nobody knows what it is.');
const FINDINGS = Object.keys(DISK_FINDINGS) as DiskFinding[];
const FIRMWARES = z.enum(['bios', 'uefi']);

export const SEEN_ON_SOME_DISK = {
  disks: [
    {
      ...{ path: 'sda', sizeBytes: 34_359_738_368, sectorBytes: 512, table: 'gpt', content: null, state: null },
      partitions: [
        {
          ...{
            number: 1,
            type: '0FC63DAF-8483-4772-8E79-3D69D8477DE4',
            typeName: 'Linux filesystem',
            name: null,
          },
          ...{ startByte: 1_048_576, sizeBytes: 34_357_641_216, inner: null, state: 'known' },
          content: { type: 'ext4', version: '1.0', label: 'root', uuid: 'b5a1c0de-0000-4000-8000-000000000001' },
        },
      ],
    },
  ],
  volumeGroups: [],
  os: { family: 'linux', name: 'Debian GNU/Linux 12 (bookworm)' },
  firmware: 'bios',
  boots: ['bios'],
  bootEvidence: [{ firmware: 'bios', disk: 'sda', evidence: 'boot code in the MBR', architecture: null }],
  problems: [],
};

/** What could be seen of a machine by looking into its disks: the answer of `landfall inspect --json`, too. */
export const INSPECTION = z
  .object({
    disks: z.array(
      z.object({
        path: z.string().describe("Of a restore point: the disk's name."),
        sizeBytes: COUNT,
        sectorBytes: COUNT,
        table: z.enum(['gpt', 'mbr']).nullable(),
        content: CONTENT.nullable().describe('Where there is no partition table.'),
        state: STATE.nullable(),
        partitions: z.array(
          z.object({
            number: COUNT,
            type: z.string(),
            typeName: z.string().nullable(),
            name: z.string().nullable(),
            startByte: COUNT,
            sizeBytes: COUNT,
            content: CONTENT.nullable(),
            inner: CONTENT.nullable(),
            state: STATE,
          }),
        ),
      }),
    ),
    volumeGroups: z.array(
      z.object({
        name: z.string(),
        uuid: z.string(),
        sizeBytes: COUNT,
        physicalVolumes: z.array(
          z.object({
            uuid: z.string(),
            disk: z.string().nullable(),
            partition: COUNT.nullable(),
            sizeBytes: COUNT,
          }),
        ),
        logicalVolumes: z.array(
          z.object({
            name: z.string(),
            uuid: z.string(),
            sizeBytes: COUNT,
            layout: z.string(),
            content: CONTENT.nullable(),
            state: STATE,
          }),
        ),
      }),
    ),
    os: z.object({ family: z.enum(['linux', 'windows']), name: z.string().optional() }).nullable(),
    firmware: FIRMWARES.nullable().describe('The one with which something boots; null where nothing does, or by both.'),
    boots: z.array(FIRMWARES),
    bootEvidence: z.array(
      z.object({
        firmware: FIRMWARES,
        disk: z.string(),
        evidence: z.string(),
        architecture: z.enum(['x64', 'Arm64']).nullable(),
      }),
    ),
    problems: z.array(PLAN_PROBLEM.omit({ code: true }).extend({ code: z.enum(FINDINGS) })),
  })
  .meta({
    id: 'Inspection',
    description:
      'What was seen on disks: tables, partitions, file systems, volume groups, the system and how it boots.',
    examples: [SEEN_ON_SOME_DISK],
  });

export type InspectionView = z.infer<typeof INSPECTION>;
