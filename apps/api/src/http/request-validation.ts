import type { FieldFault } from '@landfall/contract';
import { StandardSchemaValidationPipe } from '@nestjs/common';
import { InvalidRequestError } from '../errors/problem.js';

/** More faults than a person reads; a hostile body could otherwise bring thousands. */
const MOST_FAULTS = 50;

interface Issue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
  /** Zod's list of fields that the schema does not know. */
  readonly keys?: readonly string[];
}

/** Checks bodies and queries against the schema beside their parameter, and lists every field that does not fit. */
export function requestValidation(): StandardSchemaValidationPipe {
  return new StandardSchemaValidationPipe({
    exceptionFactory: (issues: readonly Issue[]) =>
      new InvalidRequestError(issues.flatMap(faultsOf).slice(0, MOST_FAULTS)),
  });
}

function faultsOf(issue: Issue): FieldFault[] {
  const path = (issue.path ?? []).map((part) => String(typeof part === 'object' ? part.key : part));
  const field = path.join('.');
  if (issue.keys !== undefined) {
    return issue.keys.map((key) => ({ field: [...path, key].join('.'), message: 'is not a field of this request' }));
  }
  if (!issue.message.endsWith('received undefined')) return [{ field, message: issue.message }];
  return [{ field, message: field === '' ? 'there is no body; a JSON object is expected' : 'is missing' }];
}
