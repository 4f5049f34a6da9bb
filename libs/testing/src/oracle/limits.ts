import type { ArmBudget, Evidence } from './evidence.js';
import type { Violation } from './violation.js';

const AROUND = 60;

/** I9: the place is told, and of the text only what is around it: a log must not become a leak by being shown. */
export function secretsKept({ texts = [], canaries = [] }: Evidence): Violation[] {
  return texts.flatMap(({ where, text }) =>
    canaries.flatMap((canary) => {
      const at = text.indexOf(canary);
      if (at < 0) return [];
      const before = text.slice(Math.max(0, at - AROUND), at);
      const what = `A secret that was planted is in ${where}.`;
      return [{ invariant: 'I9' as const, what, evidence: `${before}…` }];
    }),
  );
}

/** I10: the requests of each kind against a bucket that is filled from the first of them on. */
export function budgetsKept({ arm }: Evidence): Violation[] {
  return (arm?.budgets ?? []).flatMap((budget) => {
    const excess = firstExcess(budget, arm?.calls ?? []);
    if (excess === null) return [];
    const what = `More ${budget.methods.join(', ')} requests went to Azure than ${budget.perSecond} a second.`;
    return [{ invariant: 'I10' as const, what, evidence: excess }];
  });
}

function firstExcess(
  { methods, burst, perSecond }: ArmBudget,
  calls: readonly { readonly at: number; readonly method: string }[],
): { at: number; tokens: number } | null {
  let tokens = burst;
  let last: number | null = null;
  for (const { at, method } of calls.toSorted((left, right) => left.at - right.at)) {
    if (!methods.includes(method)) continue;
    tokens = Math.min(burst, tokens + ((at - (last ?? at)) / 1000) * perSecond) - 1;
    last = at;
    if (tokens < 0) return { at, tokens };
  }
  return null;
}
