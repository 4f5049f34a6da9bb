import type { z } from 'zod';

/**
 * What keeps a value from being read as the answer that a schema describes; empty where nothing does. An answer is read as
 * clients of any age have to: fields that the schema does not know are nobody's business, and a list of words may have got
 * one more. So a value without faults is used as it came.
 */
export function faultsOf(schema: z.ZodType, value: unknown): readonly string[] {
  const read = schema.safeParse(value, { reportInput: true });
  if (read.success) return [];
  return read.error.issues.filter((issue) => !isNewWord(issue)).map(sentenceOf);
}

function isNewWord(issue: z.core.$ZodIssue): boolean {
  return issue.code === 'invalid_value' && issue.values.length > 1 && typeof issue.input === 'string';
}

function sentenceOf({ path, message }: z.core.$ZodIssue): string {
  return path.length === 0 ? message : `${path.join('.')}: ${message}`;
}
