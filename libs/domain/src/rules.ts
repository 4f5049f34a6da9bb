import type { Problem } from './problems.js';

/*
 * Rules over facts of which some may not be known. What is not known keeps no rule.
 */

/** The same with everything in it known. */
export type Known<T> = T extends Date
  ? Date
  : T extends readonly (infer E)[]
    ? readonly Known<E>[]
    : T extends object
      ? { readonly [K in keyof T]: Known<NonNullable<T[K]>> }
      : NonNullable<T>;

/** The problem with facts that don't keep it; null: they do. */
export type Rule<Facts> = (facts: Facts, now: Date) => Problem | null;

export interface RuleParts<Facts, Judged> {
  /** What it looks at; it is not kept while any of this is not known. */
  readonly judges: (facts: Facts) => Judged;
  readonly isKept: (judged: Known<Judged>, now: Date) => boolean;
  readonly problem: (facts: Facts) => Omit<Problem, 'severity'>;
}

export function rule<Facts, Judged>({ judges, isKept, problem }: RuleParts<Facts, Judged>): Rule<Facts> {
  return (facts, now) => {
    const judged = judges(facts);
    return isKnown(judged) && isKept(judged as Known<Judged>, now) ? null : { severity: 'error', ...problem(facts) };
  };
}

export function problemsBy<Facts>(rules: readonly Rule<Facts>[], facts: Facts, now: Date): readonly Problem[] {
  return rules.flatMap((each) => each(facts, now) ?? []);
}

function isKnown(value: unknown): boolean {
  if (value === null || value === undefined) return false;
  if (value instanceof Date) return !Number.isNaN(value.getTime());
  if (typeof value === 'object') return Object.values(value).every(isKnown);
  return !Number.isNaN(value);
}
