import { LandfallError, type RestorePlan } from '@landfall/domain';
import type { StepContext } from '@landfall/pipeline';
import type { DirectDisks } from '../transfer/direct-disks.js';

/** Ends every access to the disks of a restore that were written directly. */
export type EndAccess = DirectDisks['close'];

/**
 * Attaches disks. To those that were written directly an access may have been granted late: asked for just before step 5
 * took all of them away, and heard by Azure after it. Azure attaches no disk under access, so it is ended then, and
 * `attach` called once more.
 * @throws LandfallError what the second call could not do
 */
export async function endingAccess<T>(
  endAccess: EndAccess,
  context: Pick<StepContext, 'restore' | 'journal' | 'signal'> & { readonly plan: RestorePlan },
  attach: () => Promise<T>,
): Promise<T> {
  try {
    return await attach();
  } catch (error) {
    const isUnderAccess = error instanceof LandfallError && error.code === 'DISK_SAS_ACTIVE';
    if (!isUnderAccess || context.plan.options.transfer !== 'direct') throw error;
    await endAccess(context.restore, context.journal, context.signal);
    return attach();
  }
}
