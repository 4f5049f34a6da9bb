import { STEPS, type StepId } from '@landfall/domain';
import { z } from 'zod';

/*
 * The flow of a restore, in one table: which step is whose, and what it hands on.
 *
 *   api ──plan──→ planner ──provision──→ provisioner ──move──→ data-mover ×N ──results──→ finalizer → machine
 *
 * A step's output is kept in Postgres and parsed with its schema when a later step reads it, so that a stage that
 * was left out or has changed its shape is noticed at the edge and not in the middle of a cloud call.
 */
export type ServiceName = 'planner' | 'provisioner' | 'finalizer';

export const PLANNED = z.object({ planHash: z.string() });

export const RETRIEVED = z.object({ objects: z.number().int().nonnegative() });

export const STAGED = z.object({ resourceGroupId: z.string() });

/** Step 3: the new disks, by their names in the plan. */
export const DISKS_CREATED = z.object({
  disks: z.array(z.object({ name: z.string(), azureId: z.string() })),
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

/** Step 10. */
export const VM_CREATED = z.object({ vmAzureId: z.string() });

const NOTHING = z.object({});

export const STAGES = {
  plan: { service: 'planner', output: PLANNED },
  'retrieve-archived-data': { service: 'provisioner', output: RETRIEVED },
  'create-staging-resource-group': { service: 'provisioner', output: STAGED },
  'create-empty-disks': { service: 'provisioner', output: DISKS_CREATED },
  'launch-worker': { service: 'provisioner', output: WORKERS_LAUNCHED },
  'restore-data': { service: 'finalizer', output: DATA_RESTORED },
  'detach-disks': { service: 'finalizer', output: NOTHING },
  'deallocate-worker': { service: 'finalizer', output: NOTHING },
  'remove-source': { service: 'finalizer', output: NOTHING },
  'move-disks': { service: 'finalizer', output: NOTHING },
  'create-vm': { service: 'finalizer', output: VM_CREATED },
  'attach-disks': { service: 'finalizer', output: NOTHING },
  'remove-staging-resource-group': { service: 'finalizer', output: NOTHING },
} as const satisfies Record<StepId, { service: ServiceName; output: z.ZodType }>;

export type StageOutput<S extends StepId> = z.infer<(typeof STAGES)[S]['output']>;

/**
 * Code of the error that step 5 ends in when a worker is not heard of any more. Resuming from it begins with step 4, which
 * puts another worker in the place of one that stays silent.
 */
export const WORKER_SILENT = 'WORKER_SILENT';

/** The step after `step`, or null after the last. */
export function nextStep(step: StepId): StepId | null {
  const index = STEPS.findIndex((candidate) => candidate.id === step);
  return STEPS[index + 1]?.id ?? null;
}
