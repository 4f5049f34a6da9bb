import type { StepId } from '@landfall/domain';
import { z } from 'zod';
import type { ServiceName } from './work-table.js';
import type { WayBackId } from './way-back.js';

/*
 * The flow of a restore, in one table: which step is whose, what it hands on, and what undoes it once the restore has
 * turned round.
 *
 *   api ──plan──→ planner ──provision──→ provisioner ──move──→ data-mover ×N ──results──→ finalizer → machine
 *
 * A step's output is kept in Postgres and parsed with its schema when a later step reads it, so that a stage that
 * was left out or has changed its shape is noticed at the edge and not in the middle of a cloud call.
 */
export const PLANNED = z.object({ planHash: z.string() });

export const RETRIEVED = z.object({ objects: z.number().int().nonnegative() });

export const STAGED = z.object({ resourceGroupId: z.string() });

/** Step 3: the new disks, by their names in the plan; `uniqueId` is left out by restores of earlier versions. */
export const DISKS_CREATED = z.object({
  disks: z.array(z.object({ name: z.string(), azureId: z.string(), uniqueId: z.string().optional() })),
});

/** Step 4: the workers and what is attached to them; empty for a direct transfer. */
export const WORKERS_LAUNCHED = z.object({
  workers: z.array(
    z.object({
      workerId: z.string(),
      azureId: z.string(),
      disks: z.array(z.object({ name: z.string(), lun: z.number().int().nonnegative() })),
    }),
  ),
});

/** Step 5. */
export const DATA_RESTORED = z.object({
  segments: z.number().int().nonnegative(),
  bytesMoved: z.number().int().nonnegative(),
  bytesVerified: z.number().int().nonnegative(),
});

const ATTACHED = z.object({
  diskId: z.string(),
  lun: z.number().int(),
  caching: z.enum(['None', 'ReadOnly', 'ReadWrite']),
});

/**
 * Step 10. Of a machine that is made anew: what it had and is made without; and what was attached to it after it was planned for,
 * and so is again.
 */
export const VM_CREATED = z.object({
  vmAzureId: z.string(),
  notSent: z.array(z.object({ path: z.string(), why: z.string() })).optional(),
  attachedSince: z.array(ATTACHED).optional(),
});

/** Step 12: what came back other than it was; `before` and `after` are JSON. */
export const SETTLED = z.object({
  fidelity: z.array(
    z.object({ path: z.string(), before: z.string().nullable(), after: z.string().nullable(), why: z.string() }),
  ),
});

const NOTHING = z.object({});

export interface Stage {
  readonly service: ServiceName;
  readonly output: z.ZodType;
  /** The work of the way back that takes away what it has made. */
  readonly undoneBy: WayBackId | null;
  /** As `WorkRow` has it. */
  readonly needsApproval?: boolean;
  /** As `WorkRow` has it. */
  readonly putsBack?: boolean;
}

export const STAGES = {
  plan: { service: 'planner', output: PLANNED, undoneBy: null },
  'retrieve-archived-data': { service: 'provisioner', output: RETRIEVED, undoneBy: null },
  'create-staging-resource-group': { service: 'provisioner', output: STAGED, undoneBy: 'remove-created' },
  'create-empty-disks': { service: 'provisioner', output: DISKS_CREATED, undoneBy: 'remove-created' },
  'launch-worker': { service: 'provisioner', output: WORKERS_LAUNCHED, undoneBy: 'remove-created' },
  // What it writes goes with the disks.
  'restore-data': { service: 'finalizer', output: DATA_RESTORED, undoneBy: null },
  'detach-disks': { service: 'finalizer', output: NOTHING, undoneBy: null },
  'deallocate-worker': { service: 'finalizer', output: NOTHING, undoneBy: null },
  // What it makes is gone when it ends, whichever way.
  'check-boot': { service: 'finalizer', output: NOTHING, undoneBy: 'remove-created', putsBack: true },
  'remove-source': {
    service: 'finalizer',
    output: NOTHING,
    undoneBy: 'bring-source-back',
    needsApproval: true,
    putsBack: true,
  },
  // Whatever id they have then, the ledger follows them.
  'move-disks': { service: 'finalizer', output: NOTHING, undoneBy: 'remove-created' },
  'create-vm': { service: 'finalizer', output: VM_CREATED, undoneBy: 'remove-created' },
  // The disks go with what they are attached to.
  'attach-disks': { service: 'finalizer', output: NOTHING, undoneBy: null },
  'remove-staging-resource-group': { service: 'finalizer', output: SETTLED, undoneBy: null },
} as const satisfies Record<StepId, Stage>;

export type StageOutput<S extends StepId> = z.infer<(typeof STAGES)[S]['output']>;
