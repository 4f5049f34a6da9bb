import { CAPTURE_TRANSITIONS } from '@landfall/domain';
import { z } from 'zod';
import { COUNT, ERROR, keysOf, text, TIME, wholeNumber } from './fields.js';
import { DISK_ROLE } from './restore-points.js';

const VM_ID =
  '/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/apps/providers/Microsoft.Compute/virtualMachines/web';

export const CAPTURE_STATE = z.enum(keysOf(CAPTURE_TRANSITIONS)).meta({
  id: 'CaptureState',
  description: 'Where a capture stands.',
  examples: ['running'],
});

export const CAPTURE_REQUEST = z
  .strictObject({
    vmId: text(500)
      .regex(
        /^\/subscriptions\/[^/]+\/resourceGroups\/[^/]+\/providers\/Microsoft\.Compute\/virtualMachines\/[^/]+$/i,
        'must be the full resource id of a VM',
      )
      .describe("The VM's resource id."),
    repository: text(63).describe('The name of a restic repository.'),
    stop: z
      .boolean()
      .default(false)
      .describe(
        'Deallocates the VM if it runs, so that its disks are of one moment; it starts again once they are snapshots.',
      ),
  })
  .meta({
    id: 'CaptureRequest',
    description: 'Which VM is captured, and where to.',
    examples: [{ vmId: VM_ID, repository: 'main', stop: false }],
  });

export const CAPTURE = z
  .object({
    id: z.string().describe('Also the reference of the restore point that it makes.'),
    state: CAPTURE_STATE,
    vmId: z.string(),
    repository: z.string(),
    stop: z.boolean(),
    machine: z.string().nullable().describe("The VM's name; null until its model is saved."),
    takenAt: TIME.nullable().describe('When the first of its snapshots was taken.'),
    oneState: z.boolean().nullable().describe('Whether its disks are of one moment; null until that is known.'),
    disks: z.array(
      z.object({
        name: z.string(),
        role: DISK_ROLE,
        lun: COUNT.nullable(),
        diskId: z.string(),
        sizeBytes: COUNT,
        bytesDone: COUNT.describe('Of these, sent to the repository, empty ranges included.'),
        stored: z.boolean(),
      }),
    ),
    error: ERROR.nullable(),
    requestedBy: z.string(),
    createdAt: TIME,
    endedAt: TIME.nullable(),
  })
  .meta({
    id: 'Capture',
    description: 'An image-level backup of an Azure VM, and how far it has come.',
    examples: [
      {
        id: 'c4m7k2p9x1qz',
        state: 'running',
        vmId: VM_ID,
        repository: 'main',
        stop: false,
        machine: 'web',
        takenAt: '2026-05-07T08:00:04.000Z',
        oneState: false,
        disks: [
          { name: 'os', role: 'os', lun: null, diskId: `${VM_ID}-os`, sizeBytes: 1024, bytesDone: 512, stored: false },
        ],
        error: null,
        requestedBy: 'administrator',
        createdAt: '2026-05-07T08:00:00.000Z',
        endedAt: null,
      },
    ],
  });

export const CAPTURE_EVENT = z
  .object({
    sequence: z.number().int(),
    captureId: z.string(),
    at: TIME,
    type: z.string().describe('Such as capture.running, disk.stored, resource.created.'),
    message: z.string(),
    data: z.record(z.string(), z.unknown()),
  })
  .meta({
    id: 'CaptureEvent',
    description: "One line of a capture's history, in the order of `sequence`.",
    examples: [
      {
        sequence: 7,
        captureId: 'c4m7k2p9x1qz',
        at: '2026-05-07T08:00:09.000Z',
        type: 'disk.stored',
        message: 'The disk os is stored.',
        data: { disk: 'os', sizeBytes: 1024 },
      },
    ],
  });

export const CAPTURES_QUERY = z.strictObject({ limit: wholeNumber(1, 10_000, 1_000) });

export type CaptureView = z.infer<typeof CAPTURE>;
export type CaptureEventView = z.infer<typeof CAPTURE_EVENT>;
