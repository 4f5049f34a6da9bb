import { CLOUD_RESOURCE_KINDS, RESTORE_TRANSITIONS, WORK_TRANSITIONS } from '@landfall/domain';
import { z } from 'zod';
import { COUNT, ERROR, keysOf, TIME, wholeNumber } from './fields.js';
import { PLAN_PROBLEM } from './plan-problem.js';
import { DISK_FROM, PLANNED_DESTINATION, PLANNED_POINT, STEP_ID } from './restore-plan.js';
import { DISK_ROLE } from './restore-points.js';
import { DESTINATION_KIND, DESTINATION_REQUEST } from './restore-request.js';

export const RESTORE_STATE = z.enum(keysOf(RESTORE_TRANSITIONS)).meta({
  id: 'RestoreState',
  description: 'Where a restore stands.',
  examples: ['running'],
});

export const RESTORE = z
  .object({
    id: z.string(),
    state: RESTORE_STATE,
    restorePoint: z
      .object({ ...PLANNED_POINT.partial().shape, id: z.string() })
      .describe('As planned; before there is a plan just its id.'),
    destination: z
      .object({ ...DESTINATION_REQUEST.shape, ...PLANNED_DESTINATION.partial().shape, kind: DESTINATION_KIND })
      .describe('As planned; before there is a plan as it was asked for.'),
    planHash: z.string().nullable(),
    steps: z.array(
      z.object({
        number: COUNT,
        id: STEP_ID,
        state: z.enum(keysOf(WORK_TRANSITIONS)),
        startedAt: TIME.nullable(),
        endedAt: TIME.nullable(),
        attempts: COUNT,
      }),
    ),
    disks: z.array(
      z.object({
        name: z.string(),
        from: DISK_FROM,
        role: DISK_ROLE,
        lun: COUNT.nullable(),
        azureId: z.string().nullable(),
        sizeBytes: COUNT,
        bytesTotal: COUNT.describe('Bytes that hold data: what is empty is neither moved nor counted.'),
        bytesDone: COUNT,
      }),
    ),
    vm: z.object({ azureId: z.string() }).nullable(),
    fidelity: z
      .array(
        z.object({
          path: z.string(),
          before: z.string().nullable().describe('JSON; null where there was none, or where it may hold a secret.'),
          after: z.string().nullable(),
          why: z.string(),
        }),
      )
      .describe('What of a machine that was replaced came back other than it was, once the restore is completed.'),
    problems: z.array(PLAN_PROBLEM),
    error: ERROR.nullable(),
    requestedBy: z.string(),
    createdAt: TIME,
    endedAt: TIME.nullable(),
  })
  .meta({
    id: 'Restore',
    description: 'A restore, and how far it has come.',
    examples: [
      {
        id: 'r4m7k2p9x1qz',
        state: 'planning',
        restorePoint: { id: 'rp-0123456789' },
        destination: { kind: 'new', name: 'web-2', resourceGroup: 'restored', region: 'westeurope' },
        planHash: null,
        steps: [{ number: 0, id: 'plan', state: 'pending', startedAt: null, endedAt: null, attempts: 0 }],
        disks: [],
        vm: null,
        fidelity: [],
        problems: [],
        error: null,
        requestedBy: 'administrator',
        createdAt: '2026-05-07T08:00:00.000Z',
        endedAt: null,
      },
    ],
  });

export const RESTORE_EVENT = z
  .object({
    sequence: z.number().int(),
    restoreId: z.string(),
    at: TIME,
    type: z.string().describe('Such as restore.running, step.done, segment.done.'),
    message: z.string(),
    data: z.record(z.string(), z.unknown()),
  })
  .meta({
    id: 'RestoreEvent',
    description: "One line of a restore's history, in the order of `sequence`.",
    examples: [
      {
        sequence: 17,
        restoreId: 'r4m7k2p9x1qz',
        at: '2026-05-07T08:00:03.000Z',
        type: 'step.done',
        message: 'Step 3, create-empty-disks, is done.',
        data: { number: 3, step: 'create-empty-disks' },
      },
    ],
  });

export const RESOURCE_KIND = z.enum(CLOUD_RESOURCE_KINDS);

export const CLOUD_RESOURCE = z
  .object({
    azureId: z.string(),
    kind: RESOURCE_KIND,
    role: z.string(),
    state: z.enum(['intended', 'created', 'removed']),
    createdAt: TIME,
  })
  .meta({
    id: 'CloudResource',
    description: "An entry of a restore's ledger: what it created in Azure, or intended to.",
    examples: [
      {
        azureId:
          '/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/restored/providers/Microsoft.Compute/disks/web-2-sda',
        kind: 'disk',
        role: 'disk',
        state: 'created',
        createdAt: '2026-05-07T08:00:02.000Z',
      },
    ],
  });

export const RESTORES_QUERY = z.strictObject({
  /** `?state=running,planning` or `?state=running&state=planning`. */
  state: z
    .union([z.string(), z.array(z.string())])
    .transform((given) => [given].flat().flatMap((one) => one.split(',')))
    .pipe(z.array(z.enum(RESTORE_STATE.options)))
    .optional()
    .meta({
      description: 'Only those in one of these states, repeated or with commas between them.',
      anyOf: undefined,
      type: 'array',
      items: { type: 'string', enum: RESTORE_STATE.options },
    }),
  limit: wholeNumber(1, 10_000, 1_000),
});

export const EVENTS_QUERY = z.strictObject({
  after: wholeNumber(0, Number.MAX_SAFE_INTEGER, 0).describe('Events after this sequence number.'),
});

/** The header `Idempotency-Key`. */
export const IDEMPOTENCY_KEY = z
  .string()
  .regex(/^[\x21-\x7e]{1,200}$/, 'must be 1–200 visible ASCII characters without spaces');

export type RestoreView = z.infer<typeof RESTORE>;
export type EventView = z.infer<typeof RESTORE_EVENT>;
