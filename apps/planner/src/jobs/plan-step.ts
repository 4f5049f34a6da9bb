import type { RestoreBooks } from '@landfall/domain';
import type { StepHandler } from '@landfall/pipeline';
import type { Planner } from '../planner.js';

/**
 * Step 0. Making a plan changes nothing, so a repetition just makes it again; a run whose place was taken stores none.
 * A plan with errors is stored as well: the restore is then refused, and shows why.
 */
export function planStep(planner: Planner, books: RestoreBooks): StepHandler<'plan'> {
  return async ({ restore, epoch, signal }) => {
    const { plan, contents } = await planner.prepare(restore.request, signal, restore.id);
    signal.throwIfAborted();
    await books.transaction(async (tx) => {
      await tx.requireCurrent({ restoreId: restore.id, work: 'plan', epoch });
      await tx.storePlan(restore.id, plan);
      await tx.storeContents(restore.id, contents, []);
    });
    return { kind: 'done', output: { planHash: plan.planHash } };
  };
}
