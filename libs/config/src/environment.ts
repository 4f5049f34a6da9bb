import { BadInputError } from '@landfall/domain';
import type { z } from 'zod';

/**
 * Parses the environment once, at start.
 * @throws BadInputError `CONFIG_INVALID` that names every variable that is missing or wrong, never a value
 */
export function parseEnvironment<T extends z.ZodType>(
  schema: T,
  environment: NodeJS.ProcessEnv = process.env,
): z.infer<T> {
  const parsed = schema.safeParse(environment);
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map((issue) => `${issue.path.join('.') || 'environment'}: ${issue.message}`);
  throw new BadInputError({
    code: 'CONFIG_INVALID',
    message: `The environment is not complete: ${faults.join('; ')}.`,
    fix: 'Set the variables that are named, as docs/configuration.md describes them, and start again.',
  });
}
