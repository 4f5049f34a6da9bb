import { z } from 'zod';

/** The body of every error: `application/problem+json` (RFC 9457), with Landfall's code and remedy. */
export const PROBLEM = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.number().int(),
    code: z.string().describe('Stable; tells what went wrong.'),
    detail: z.string().describe('What happened.'),
    fix: z.string().describe('What to do next.'),
    instance: z.string().describe('The path that was asked for.'),
    errors: z
      .array(
        z.object({
          field: z.string().describe('Its path with dots, such as `destination.kind`; empty for the body itself.'),
          message: z.string(),
        }),
      )
      .optional()
      .describe('Of a request that does not fit its schema: what is wrong with which field.'),
  })
  .meta({
    id: 'Problem',
    description: 'What went wrong: a stable code, what happened, and what to do.',
    examples: [
      {
        type: 'urn:landfall:problem:RESTORE_NOT_FOUND',
        title: 'Not found',
        status: 404,
        code: 'RESTORE_NOT_FOUND',
        detail: 'There is no restore "r4m7".',
        fix: 'List the restores with "landfall restores".',
        instance: '/v1/restores/r4m7',
      },
    ],
  });

export type ProblemView = z.infer<typeof PROBLEM>;
export type FieldFault = NonNullable<ProblemView['errors']>[number];

const TITLES: Readonly<Record<number, string>> = {
  400: 'Bad request',
  401: 'Not signed in',
  403: 'Not allowed',
  404: 'Not found',
  405: 'Method not allowed',
  409: 'Conflict',
  413: 'Body too large',
  415: 'Unsupported media type',
  422: 'Cannot be done',
  500: 'Unexpected error',
  503: 'Not available now',
};

export function titleOf(status: number): string {
  return TITLES[status] ?? 'Error';
}

/** The problems that routes answer with by themselves: their statuses, when they come, and what to do about them. */
export const API_PROBLEMS = {
  BAD_REQUEST: [400, 'The request is malformed, or does not fit its schema.', 'Correct the fields that are named.'],
  REPOSITORY_URL_INVALID: [400, "The URL cannot be a repository's location.", 'Give a folder or azure://ACCOUNT/…'],
  BLOB_URL_INVALID: [400, 'The URL does not name a container.', 'Give azure://ACCOUNT/CONTAINER/PREFIX.'],
  REPOSITORY_PASSWORD_MISSING: [400, 'A restic repository needs its password.', 'Give it in the field "password".'],
  UNAUTHENTICATED: [401, 'The request carries no valid token.', 'Send "Authorization: Bearer TOKEN", or sign in.'],
  FORBIDDEN: [403, "The token's role does not suffice.", 'Use a token with the role that is named.'],
  CROSS_SITE: [403, 'A page of another site has sent it.', 'Use the pages of this site, or send the token.'],
  REPOSITORY_UNKNOWN: [404, 'There is no repository of this name.', 'List the repositories.'],
  MACHINE_NOT_FOUND: [404, 'No machine has this id, name or alias.', 'List the machines.'],
  POINT_NOT_FOUND: [404, 'There is no such restore point.', 'List the restore points.'],
  RESTORE_NOT_FOUND: [404, 'There is no such restore.', 'List the restores.'],
  TOKEN_UNKNOWN: [404, 'No token of this name opens anything.', 'List the tokens.'],
  CAPTURE_NOT_FOUND: [404, 'There is no such capture.', 'List the captures.'],
  PLAN_NOT_MADE: [404, 'The restore has no plan.', 'Ask again in a moment, or see its error.'],
  POINT_AMBIGUOUS: [409, 'It fits several restore points.', 'Name one of them by its whole id.'],
  RESTORE_AMBIGUOUS: [409, 'It fits several restores.', 'Name one of them by its whole id.'],
  REPOSITORY_EXISTS: [409, 'A repository of this name was added before.', 'Choose another name.'],
  REPOSITORY_IN_USE: [409, 'A restore that is under way needs it.', 'Wait for its end, or cancel it.'],
  TOKEN_NAME_TAKEN: [409, 'A token of this name was made before.', 'Choose another name.'],
  TOKEN_OF_SETTINGS: [409, 'The token comes from the settings.', 'Change LANDFALL_API_TOKEN and start the API anew.'],
  NOT_APPROVABLE: [409, 'It is over, has another plan, or is not to be approved by you.', 'Read its plan anew.'],
  CAPTURE_UNDER_WAY: [409, 'The VM is being captured already.', 'Wait until that has ended, or cancel it.'],
  NOT_CANCELLABLE: [
    409,
    'The restore is over, or goes back; the capture is over, or about to be.',
    'Look at its state.',
  ],
  NOT_RESUMABLE: [409, 'The restore does not wait for a person.', 'Look at its state.'],
  NOT_PURGEABLE: [409, 'Nothing is kept for the restore, or it is needed still.', 'Look at its state and its date.'],
  NOT_ROLLBACKABLE: [409, 'The restore has not come to an end, or left nothing.', 'Cancel it, or look at its state.'],
  BODY_TOO_LARGE: [413, 'The body is larger than 1 MB.', 'Send a smaller one.'],
  UNSUPPORTED_MEDIA_TYPE: [415, 'The body is not declared as JSON.', 'Send "Content-Type: application/json".'],
  IDEMPOTENCY_KEY_REUSED: [422, 'The key was used with another request.', 'Send another key.'],
  REPOSITORY_KIND_UNAVAILABLE: [422, 'Only restic repositories are written.', 'Name one of kind restic.'],
  REPOSITORY_NOT_FOUND: [422, 'There is no repository at the location.', 'Correct the URL.'],
  REPOSITORY_PASSWORD_WRONG: [422, 'The password does not open the repository.', 'Give the right one.'],
  REPOSITORY_DAMAGED: [422, 'The repository cannot be read.', 'Repair it with restic.'],
  PLAN_UNREADABLE: [422, "The planner's plan is not one of this version.", 'Run all services in the same version.'],
  DAMAGE_UNREADABLE: [422, "The planner's answer is not one of this version.", 'Run all services in the same version.'],
  UNEXPECTED: [500, 'Nobody foresaw it.', "Look into the api's log."],
  POSTGRES_UNREACHABLE: [503, 'The database is away.', 'Come back after the time in Retry-After.'],
  POSTGRES_BUSY: [503, 'The database is busy.', 'Come back after the time in Retry-After.'],
  SERVICE_SILENT: [503, 'The service that has to answer does not.', 'See that it runs, then try again.'],
  STORE_UNREACHABLE: [503, 'The place where the repository lies is away.', 'Come back after the time in Retry-After.'],
} as const satisfies Record<string, readonly [status: number, when: string, fix: string]>;

export type ApiProblemCode = keyof typeof API_PROBLEMS;
