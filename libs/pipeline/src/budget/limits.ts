import type { RequestKind } from '@landfall/domain';

/** A bucket of tokens: so many at once, and so many more a second. */
export interface BucketLimit {
  readonly burst: number;
  readonly perSecond: number;
}

export interface BudgetLimits extends Readonly<Record<RequestKind, BucketLimit>> {
  /** Changes of one VM. */
  readonly vm: BucketLimit;
}

/** Each kind has two pools; what removes things may take from both, so that a clean-up is never starved by new work. */
export type Pool = 'work' | 'clean-up';

const CLEAN_UP_SHARE = 0.2;

export function poolLimit({ burst, perSecond }: BucketLimit, pool: Pool): BucketLimit {
  return scaled({ burst, perSecond }, pool === 'clean-up' ? CLEAN_UP_SHARE : 1 - CLEAN_UP_SHARE);
}

/** A part of the whole: what one process may use on its own, without knowing of the others. */
export function shareOf(limits: BudgetLimits, share: number): BudgetLimits {
  const { read, write, delete: removal, vm } = limits;
  return { read: scaled(read, share), write: scaled(write, share), delete: scaled(removal, share), vm };
}

/** At least one token: a bucket that holds less would never let anything through. */
function scaled({ burst, perSecond }: BucketLimit, share: number): BucketLimit {
  return { burst: Math.max(1, burst * share), perSecond: perSecond * share };
}
