import type { Azure } from '../azure.js';
import type { Principal } from '../settings/principal.js';

export interface Call {
  readonly method: string;
  readonly path: string;
  readonly parameters: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Parsed JSON; undefined when the request has no body. */
  readonly body: unknown;
  readonly apiVersion: string;
  /** Whose token it came with. */
  readonly principal: Principal;
}

export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

export type Handler = (call: Call, azure: Azure) => Answer | Promise<Answer>;

/** What an operation does to its resource: decides which locks, policies and throttling buckets apply. */
export type Effect = 'read' | 'write' | 'delete' | 'action';

export interface Route {
  /** As Azure's specifications name it, such as `Disks_CreateOrUpdate`. */
  readonly operation: string;
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'PATCH' | 'POST' | 'DELETE';
  /** Segments in braces are parameters; all others are compared without regard to case. */
  readonly path: string;
  readonly effect: Effect;
  /** How the roles' action for it ends, where the method does not tell. */
  readonly verb?: 'read';
  readonly handle: Handler;
}

export function parameter(call: Call, name: string): string {
  const value = call.parameters[name];
  if (value === undefined) throw new Error(`route ${call.path} has no parameter ${name}`);
  return value;
}

export function ok(body: unknown): Answer {
  return { status: 200, body };
}

/** A list as Azure gives it; everything is on one page. */
export function list(values: readonly unknown[]): Answer {
  return { status: 200, body: { value: values } };
}
