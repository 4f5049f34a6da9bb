import type { z } from 'zod';
import type { UserRole } from './operations.js';
import type { ApiProblemCode } from './problem.js';

/** One address of the API with one method: what it takes, and everything that it answers with. */
export interface Route {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** With its parameters in braces. */
  readonly path: `/${string}`;
  readonly tag:
    'restores' | 'captures' | 'repositories' | 'machines and restore points' | 'operations' | 'session' | 'tokens';
  readonly summary: string;
  readonly description?: string;
  /** The least role that may call it. */
  readonly role: UserRole | 'nobody';
  /** What is to be put in the place of each parameter of the path. */
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: z.ZodObject;
  readonly headers?: Readonly<Record<string, { readonly schema: z.ZodType; readonly says: string }>>;
  readonly body?: z.ZodType;
  /** The body may be sent by a page's form as well. */
  readonly takesForm?: true;
  /** Where it does what it was asked for. */
  readonly status: number;
  /** Every status that is not a problem, and what it says. All of them come with an `answer`, or none. */
  readonly says: Readonly<Record<number, string>>;
  /** The JSON that comes back. Left out: nothing does, or text alone. */
  readonly answer?: z.ZodType;
  /** The type of what comes back as text, or may. */
  readonly text?: 'text/plain' | 'text/event-stream';
  /** Besides those that every route has, by its role and method. */
  readonly problems: readonly ApiProblemCode[];
  /** It asks this service, and hands on what that cannot do: as 422, and as 503 where a repetition may help. */
  readonly asks?: 'planner' | 'finalizer';
}

/** What comes back of a call that went well. */
export type AnswerOf<R extends Route> = R extends { readonly answer: infer A extends z.ZodType } ? z.output<A> : void;

/** What a call has to bring. */
export type RequestOf<R extends Route> = (R extends { readonly params: infer Names }
  ? { readonly params: Readonly<Record<keyof Names, string>> }
  : unknown) &
  (R extends { readonly query: infer Q extends z.ZodType } ? { readonly query?: z.input<Q> } : unknown) &
  (R extends { readonly body: infer B extends z.ZodType } ? { readonly body: z.input<B> } : unknown);

/** The address of a route, with the names and the query of one call in it. */
export function addressOf(
  { path }: Pick<Route, 'path'>,
  params: Readonly<Record<string, string>> = {},
  query: Readonly<Record<string, unknown>> = {},
): string {
  const asked = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    for (const one of [value].flat()) if (one !== undefined) asked.append(name, String(one));
  }
  const address = path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(params[name] ?? ''));
  return asked.size === 0 ? address : `${address}?${asked}`;
}

/** Problems of any route of this role and method. */
export function everyProblemOf({ method, role, problems, asks }: Route): readonly ApiProblemCode[] {
  return [
    'BAD_REQUEST',
    ...(role === 'nobody' ? [] : (['UNAUTHENTICATED', 'FORBIDDEN', 'POSTGRES_UNREACHABLE', 'POSTGRES_BUSY'] as const)),
    ...(method === 'GET' ? [] : (['CROSS_SITE', 'BODY_TOO_LARGE', 'UNSUPPORTED_MEDIA_TYPE'] as const)),
    ...(asks === undefined ? [] : (['SERVICE_SILENT'] as const)),
    'UNEXPECTED',
    ...problems,
  ];
}
