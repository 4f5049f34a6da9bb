import type { NotSent, Tags } from '@landfall/domain';
import { sameId } from './ids.js';

/*
 * What of a model that Azure has shown is sent, so that the thing is made anew. Every member has a rule; one without a rule, such
 * as a newer version of the API may have, is not sent, because a refusal would come when the thing that it was read from is gone.
 * Whatever could have been sent and is not, is told, with the reason.
 */
export type Model = Readonly<Record<string, unknown>>;
export type Rule =
  /** Sent as it was, with all that is below. */
  | 'sent'
  /** Azure's own doing: it can't be sent, and nobody misses it. */
  | 'shown'
  /** Replaced by what is ordered. */
  | 'ordered'
  /** Left out, and why. */
  | { readonly leftOut: string }
  | { readonly members: Rules };
export type Rules = Readonly<Record<string, Rule>>;

const UNKNOWN = 'Landfall does not know whether Azure takes it';

/** What of a model is sent as it was. Lists and what is ordered are left to the caller. */
export function filtered(model: Model, rules: Rules, path: string, notSent: NotSent[]): Record<string, unknown> {
  const kept: [string, unknown][] = [];
  for (const [name, value] of Object.entries(model)) {
    const at = path === '' ? name : `${path}.${name}`;
    const rule = Object.hasOwn(rules, name) ? rules[name] : undefined;
    if (value === null || rule === 'shown' || rule === 'ordered') continue;
    if (rule === 'sent') kept.push([name, value]);
    else if (rule === undefined) notSent.push({ path: at, why: UNKNOWN });
    else if ('leftOut' in rule) notSent.push({ path: at, why: rule.leftOut });
    else kept.push([name, filtered(modelOf(value), rule.members, at, notSent)]);
  }
  return Object.fromEntries(kept);
}

/** Ours win over tags of the same name, which Azure tells apart without regard to case. */
export function tagsOf(shown: unknown, ours: Tags): Tags {
  const theirs = Object.entries(modelOf(shown) as Tags).filter(
    ([name]) => !Object.keys(ours).some((own) => sameId(own, name)),
  );
  return { ...Object.fromEntries(theirs), ...ours };
}

export function modelOf(value: unknown): Model {
  return typeof value === 'object' && value !== null ? (value as Model) : {};
}
