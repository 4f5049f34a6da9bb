import { badRequest } from '../arm/errors.js';
import type { Tags } from '../state/records.js';

/*
 * The part of OData `$filter` that Azure Resource Manager documents for lists of resources: comparisons with `eq`,
 * joined by `and`, of resourceType, name, location, tagName and tagValue.
 */
export interface Filter {
  readonly resourceType?: string;
  readonly name?: string;
  readonly location?: string;
  readonly tagName?: string;
  readonly tagValue?: string;
}

const NAMES = ['resourceType', 'name', 'location', 'tagName', 'tagValue'] as const;

/** @throws AzureError 400 InvalidFilterInQueryString */
export function parseFilter(text: string | null): Filter {
  if (text === null || text.trim() === '') return {};
  const filter: { -readonly [K in keyof Filter]: Filter[K] } = {};
  let rest = text.trim();
  for (;;) {
    const match = /^(\w+)\s+eq\s+'((?:[^']|'')*)'\s*(and\s+)?/i.exec(rest);
    const name = NAMES.find((known) => known.toLowerCase() === match?.[1]?.toLowerCase());
    if (match === null || name === undefined) throw invalidFilter(text);
    filter[name] = (match[2] ?? '').replaceAll("''", "'");
    rest = rest.slice(match[0].length);
    if (rest === '' && match[3] === undefined) return filter;
    if (rest === '' || match[3] === undefined) throw invalidFilter(text);
  }
}

/** Tag names are compared without regard to case, values with it. */
export function matchesTags(filter: Filter, tags: Tags): boolean {
  if (filter.tagName === undefined) return true;
  const name = filter.tagName.toLowerCase();
  const tag = Object.entries(tags).find(([candidate]) => candidate.toLowerCase() === name);
  return tag !== undefined && (filter.tagValue === undefined || tag[1] === filter.tagValue);
}

function invalidFilter(text: string): Error {
  return badRequest('InvalidFilterInQueryString', `Invalid $filter '${text}' specified in the query string.`);
}
