import { z } from 'zod';
import { AzureError, badRequest } from './errors.js';

/**
 * Checks a request's body against the schema of its operation. The emulator refuses what Azure might let pass:
 * a property that is not in the model, or a value of another type, is an error.
 * @throws AzureError 400
 */
export function parseBody<T extends z.ZodType>(schema: T, body: unknown): z.infer<T> {
  if (body === undefined) {
    throw badRequest('InvalidRequestContent', 'The request content was invalid: the request has no body.');
  }
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw issue === undefined ? badRequest('InvalidRequestContent', 'The request content was invalid.') : refusal(issue);
}

function refusal(issue: z.core.$ZodIssue): AzureError {
  const path = issue.path.map(String).join('.');
  if (issue.code === 'unrecognized_keys') {
    const member = issue.keys[0] ?? '';
    return badRequest(
      'InvalidRequestContent',
      `The request content was invalid and could not be deserialized: ` +
        `'Could not find member '${member}' on object of type 'ResourceDefinition'. Path '${join(path, member)}'.'.`,
      join(path, member),
    );
  }
  const missing = issue.code === 'invalid_type' && issue.input === undefined;
  const message = missing
    ? `Required parameter '${path}' is missing (null).`
    : `The value of parameter ${path} is invalid: ${issue.message}.`;
  return badRequest('InvalidParameter', message, path);
}

function join(path: string, member: string): string {
  return path === '' ? member : `${path}.${member}`;
}

/** At most 50 tags; names of 1–512 characters without `<>%&\?/`, values of at most 256 (Azure tag limits). */
export const TAGS = z
  .record(
    z
      .string()
      .min(1)
      .max(512)
      .regex(/^[^<>%&\\?/]+$/),
    z.string().max(256),
  )
  .refine((tags) => Object.keys(tags).length <= 50, 'a resource can have at most 50 tags');

/** What a client sends back after a GET and Azure passes over. */
export const READ_ONLY_MEMBERS = {
  id: z.string().optional(),
  name: z.string().optional(),
  type: z.string().optional(),
  etag: z.string().optional(),
  systemData: z.unknown().optional(),
};

/** A part of a model that is kept as it was given and that decides nothing here. */
export const KEPT = z.record(z.string(), z.unknown());

export const REFERENCE = z.strictObject({ id: z.string().min(1) });

export const ZONES = z.array(z.enum(['1', '2', '3'])).max(3);
