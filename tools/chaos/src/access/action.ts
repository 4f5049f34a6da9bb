/*
 * One thing that somebody may ask of the API or of the queue dashboard, and what may be answered. What a role may do is
 * said here once more, and not taken from the API: a table that both share could not be wrong in one of them alone.
 */
export type Role = 'nobody' | 'a wrong token' | 'mover' | 'viewer' | 'operator' | 'approver' | 'admin';

/** `anybody`: an address that is open, or asks for a credential of its own. `a token`: one that is known, whosever. */
export type Needed = 'anybody' | 'a token' | 'mover' | 'viewer' | 'operator' | 'admin';

export interface Action {
  readonly method: string;
  readonly path: string;
  readonly needed: Needed;
  readonly body?: unknown;
  /** Of those who may: the only right answer, such as `409 NOT_RESUMABLE`. */
  readonly only?: string;
  /** Says how the service is: 503 is one of its answers, and on a busy machine the right one. */
  readonly isProbe?: boolean;
}

export interface Answer {
  /** 0: there was none. */
  readonly status: number;
  /** Of the problem; of the dashboard: the key of its message. */
  readonly code: string | null;
}

/** Takes longer than any question that a service is asked: one that was stopped meanwhile goes on well before. */
const ANSWER_WITHIN_MS = 120_000;

export async function ask(apiUrl: string, token: string | null, action: Action): Promise<Answer> {
  const { method, path, body } = action;
  try {
    const answer = await fetch(apiUrl + path, {
      method,
      redirect: 'manual',
      signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
      headers: {
        ...(token === null ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    // The stream of a restore's history ends with the restore: its head is the answer.
    if (answer.headers.get('content-type')?.startsWith('text/event-stream')) {
      await answer.body?.cancel();
      return { status: answer.status, code: null };
    }
    return { status: answer.status, code: codeOf(await answer.text()) };
  } catch (error) {
    return { status: 0, code: String(error) };
  }
}

function codeOf(text: string): string | null {
  try {
    const { code, error } = JSON.parse(text) as { code?: string; error?: { key?: string } };
    return code ?? error?.key ?? null;
  } catch {
    return null; // a page, or nothing
  }
}

/** What is wrong with an answer; null: nothing. */
export function wrongIn(role: Role, action: Action, { status, code }: Answer): string | null {
  const wrong = (wanted: string): string =>
    `access: ${action.method} ${action.path} by ${role} was answered ${status} ${code ?? ''}, not ${wanted}`;
  if (status === 503 && action.isProbe === true) return null;
  if (status === 0 || status >= 500) return wrong('by what it asks for');
  if (action.needed === 'anybody') return null;
  if (role === 'nobody' || role === 'a wrong token') return status === 401 ? null : wrong('401');
  if (!mayDo(role, action.needed)) return status === 403 && code === 'FORBIDDEN' ? null : wrong('403');
  if (status === 401 || code === 'FORBIDDEN') return wrong('as the role may ask');
  if (action.only !== undefined) return `${status} ${code ?? ''}`.trim() === action.only ? null : wrong(action.only);
  if (status < 400 || code !== null) return null;
  return wrong('with a success or a typed problem');
}

export function mayDo(role: Role, needed: Needed): boolean {
  if (needed === 'anybody') return true;
  if (role === 'nobody' || role === 'a wrong token') return false;
  if (needed === 'a token') return true;
  if (needed === 'mover' || role === 'mover') return needed === role;
  const users: readonly Role[] = ['viewer', 'operator', 'approver', 'admin'];
  return users.includes(role) && users.indexOf(role) >= users.indexOf(needed);
}
