import { kindOf, RetryableError, stepOf, type StepId } from '@landfall/domain';
import { ATTEMPTS, type StepContext } from '@landfall/pipeline';

/*
 * A step that puts something back before a person is asked has to know when that is: the machine leaves it to the step (`putsBack`).
 */

/** Whether nothing comes after this try but a person. */
export function isLastTry({ restore }: StepContext, step: StepId, error: unknown): boolean {
  const kind = kindOf(error);
  const attempts = stepOf(restore, step)?.attempts ?? 0;
  return kind === 'permanent' || (kind === 'retryable' && attempts + 1 >= ATTEMPTS.forward);
}

/** Of what the last try has ended, where all are used up and it could put nothing back: its process has died, or Azure was away. */
export function spentOn({ restore }: StepContext, step: StepId): RetryableError | null {
  const { attempts = 0, error = null } = stepOf(restore, step) ?? {};
  return attempts < ATTEMPTS.forward || error === null ? null : new RetryableError(error);
}
