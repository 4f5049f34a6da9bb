import { retrievalContainer, type Catalogue, type RestoreBooks, type Retrieval } from '@landfall/domain';
import type { StepHandler } from '@landfall/pipeline';
import type { Planner, Prepared } from '../planner.js';

export interface PlanPorts {
  readonly planner: Planner;
  readonly books: RestoreBooks;
  readonly catalogue: Pick<Catalogue, 'repository'>;
}

/**
 * Step 0. Making a plan changes nothing, so a repetition just makes it again; a run whose place was taken stores none.
 * A plan with errors is stored as well: the restore is then refused, and shows why.
 */
export function planStep(ports: PlanPorts): StepHandler<'plan'> {
  const { planner, books } = ports;
  return async ({ restore, epoch, signal }) => {
    const prepared = await planner.prepare(restore.request, signal, restore.id);
    const { plan, contents } = prepared;
    signal.throwIfAborted();
    const retrieval = await retrievalOf(ports, restore.id, prepared);
    await books.transaction(async (tx) => {
      await tx.requireCurrent({ restoreId: restore.id, work: 'plan', epoch });
      await tx.storePlan(restore.id, plan);
      if (retrieval !== null) await tx.storeRetrieval(restore.id, retrieval);
      await tx.storeContents(restore.id, contents, []);
    });
    return { kind: 'done', output: { planHash: plan.planHash } };
  };
}

/** The copies lie in the account of what they are copies of. */
async function retrievalOf(
  { catalogue }: PlanPorts,
  restoreId: string,
  { plan: { retrieval, restorePoint }, archived }: Prepared,
): Promise<Retrieval | null> {
  if (retrieval === undefined) return null;
  const repository = await catalogue.repository(restorePoint.repository);
  const account = repository?.url.split('/')[2] ?? '';
  const url = `azure://${account}/${retrievalContainer(restoreId)}`;
  return { url, files: archived, keepHours: retrieval.keepHours };
}
