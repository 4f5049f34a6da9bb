import { STEPS, type StepId } from '@landfall/domain';
import { z } from 'zod';
import { COUNT, TIME } from './fields.js';
import { PLAN_PROBLEM } from './plan-problem.js';
import { DISK_ORIGIN, DISK_ROLE, FIRMWARE, OPERATING_SYSTEM, POINT_KIND } from './restore-points.js';
import {
  BOOT_CHECK,
  BOOT_PATTERN,
  DESTINATION_KIND,
  MAX_STOP_SECONDS,
  TRANSFER,
  VERIFY,
  WAIT_DAYS,
} from './restore-request.js';

export const STEP_ID = z.enum(STEPS.map((step) => step.id) as [StepId, ...StepId[]]);

const CACHING = z.enum(['None', 'ReadOnly', 'ReadWrite']);

export const PLANNED_POINT = z.object({
  id: z.string(),
  machine: z.string(),
  repository: z.string(),
  reference: z.string(),
  kind: POINT_KIND,
  takenAt: TIME,
  os: OPERATING_SYSTEM.nullable(),
  firmware: FIRMWARE.nullable(),
});

export const PLANNED_DESTINATION = z.object({
  kind: DESTINATION_KIND,
  subscriptionId: z.string(),
  resourceGroup: z.string(),
  stagingResourceGroup: z
    .string()
    .optional()
    .describe(
      "Where the new disks are until they replace those of the source, less the restore's id at its end; left out: with the machine.",
    ),
  region: z.string(),
  zone: z.string().nullable(),
  vmName: z.string().nullable().describe('Null where only disks are restored.'),
  size: z.string().nullable(),
  diskController: z.literal('NVMe').optional().describe('Named where the size has no other; left out: SCSI.'),
  architecture: z.literal('Arm64').optional().describe('Named where it is not x64.'),
  subnetId: z.string().nullable(),
  privateIp: z.string().nullable(),
});

export const REPLACED_VM = z
  .object({
    azureId: z.string(),
    instanceId: z.string().describe("Azure's `vmId`."),
    powerState: z.string().nullable(),
    disks: z.array(
      z.object({
        azureId: z.string(),
        uniqueId: z.string(),
        lun: COUNT.nullable().describe('Null for the OS disk.'),
        caching: CACHING,
        replacedBy: z
          .string()
          .nullable()
          .describe('The planned disk that takes its place; null: it is kept, and attached again at its LUN.'),
      }),
    ),
    nicIds: z.array(z.string()),
    addressIds: z.array(z.string()),
  })
  .describe('The living VM that is replaced; its network interfaces and addresses stay.');

/** Of a disk: where in the point it comes from. */
export const DISK_FROM = z.string().describe('`disk:NAME`, or `volume-group:NAME`.');

/** Shown as it is made, so that a new field of the domain's plan is one here. */
export const RESTORE_PLAN = z
  .object({
    restorePoint: PLANNED_POINT,
    destination: PLANNED_DESTINATION,
    source: REPLACED_VM.optional(),
    generation: z
      .union([z.literal(1), z.literal(2)])
      .nullable()
      .describe('Null where it could not be decided, or only disks are wanted.'),
    steps: z.array(
      z.object({
        number: COUNT,
        id: STEP_ID,
        applies: z.boolean(),
        why: z.string(),
      }),
    ),
    disks: z.array(
      z.object({
        name: z.string(),
        from: DISK_FROM,
        role: DISK_ROLE,
        lun: COUNT.nullable().describe('Null for the OS disk.'),
        sizeBytes: COUNT.describe("Of the new Azure disk: the source's size rounded up to whole GiB."),
        sourceLocation: z.string().describe('What is read for it; opaque to all but the repository.'),
        origin: DISK_ORIGIN.nullish().describe('Left out of plans that were made before it was kept.'),
        sourceBytes: COUNT,
        usedBytes: COUNT.describe('Bytes in ranges that are not known to be zero.'),
        sku: z.string(),
        caching: CACHING,
        removableAfterwards: z.boolean(),
        azureName: z.string(),
      }),
    ),
    retrieval: z
      .object({
        objects: COUNT,
        bytes: COUNT,
        priority: z.enum(['standard', 'high']),
        hours: z.number().positive().describe('Within which Azure promises to bring them back.'),
        keepHours: z.number().positive().describe('For how long they are kept after the end.'),
      })
      .optional()
      .describe('Files of the repository that are copied out of the archive tier first; left out: none.'),
    workers: z
      .array(z.object({ size: z.string(), disks: z.array(z.string()) }))
      .describe('Empty where disks are written directly.'),
    problems: z.array(PLAN_PROBLEM),
    estimates: z.object({
      readBytes: COUNT,
      writeBytes: COUNT,
      retrievalSeconds: z.number().nonnegative(),
      retrievalFee: z
        .object({ amount: z.number().nonnegative(), currency: z.string(), asOf: z.string() })
        .nullish()
        .describe('What Azure charges for that, by the prices of the configuration; null: they are not known.'),
      transferSeconds: z.number().nonnegative(),
      outageSeconds: z
        .number()
        .nonnegative()
        .optional()
        .describe('How long the machine that is replaced will be gone; left out: none is.'),
    }),
    options: z.object({
      disksOnly: z.boolean(),
      excludeDisks: z.array(z.string()),
      transfer: TRANSFER,
      verify: VERIFY,
      powerOn: z.boolean(),
      bootCheck: BOOT_CHECK,
      bootPattern: BOOT_PATTERN.optional().describe('Left out: a prompt.'),
      isolated: z.boolean(),
      maxStopSeconds: MAX_STOP_SECONDS.optional().describe('Left out: to a new place.'),
      waitDays: WAIT_DAYS.optional().describe('Left out: to a new place.'),
    }),
    planHash: z.string().describe('`sha256:` over the canonical JSON of everything but the estimates.'),
  })
  .meta({
    id: 'RestorePlan',
    description: 'What a restore will do. Its problems say why it is refused, where one of them is an error.',
    examples: [
      {
        restorePoint: {
          id: 'rp-0123456789',
          machine: 'web',
          repository: 'nightly',
          reference: 'a1'.repeat(32),
          kind: 'image',
          takenAt: '2026-05-06T07:08:09.000Z',
          os: null,
          firmware: 'bios',
        },
        destination: {
          kind: 'new',
          subscriptionId: '00000000-0000-0000-0000-000000000001',
          resourceGroup: 'restored',
          region: 'westeurope',
          zone: null,
          vmName: 'web-2',
          size: 'Standard_B2s',
          subnetId:
            '/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/restored/providers/Microsoft.Network/virtualNetworks/net/subnets/default',
          privateIp: null,
        },
        generation: 1,
        steps: [{ number: 3, id: 'create-empty-disks', applies: true, why: '1 disk' }],
        disks: [
          {
            name: 'sda',
            from: 'disk:sda',
            role: 'os',
            lun: null,
            sizeBytes: 34_359_738_368,
            sourceLocation: 'opaque',
            sourceBytes: 34_359_738_368,
            usedBytes: 5_368_709_120,
            sku: 'StandardSSD_LRS',
            caching: 'ReadWrite',
            removableAfterwards: false,
            origin: null,
            azureName: 'web-2-sda',
          },
        ],
        workers: [{ size: 'Standard_F2s_v2', disks: ['sda'] }],
        problems: [],
        estimates: { readBytes: 2_684_354_560, writeBytes: 5_368_709_120, retrievalSeconds: 0, transferSeconds: 120 },
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
      },
    ],
  });

export type PlanView = z.infer<typeof RESTORE_PLAN>;
