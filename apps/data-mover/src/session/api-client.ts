import { PROBLEM } from '@landfall/contract';
import {
  bearerOf,
  type ErrorDetails,
  LandfallError,
  PermanentError,
  RetryableError,
  type Secret,
} from '@landfall/domain';
import {
  type CLAIM,
  CLAIMED,
  type Held,
  type HEARTBEAT,
  LEASED,
  POOL_PLACE,
  PROLONGED,
  type REGISTER,
  REGISTERED,
  type Report,
  REPORTED,
  type SegmentGrant,
} from '@landfall/transfer';
import type { z } from 'zod';

/*
 * The API's internal routes, as libs/transfer's mover-protocol describes them. Answers with a problem document become
 * typed errors: status 5xx, 408 and 429 may pass by themselves, others do not.
 */
const TIMEOUT_MS = 15_000;

/** Of a problem, what a data-mover goes by. */
const SAID = PROBLEM.pick({ code: true, detail: true, fix: true });

export type Registered = z.infer<typeof REGISTERED>;

export class ApiClient {
  constructor(
    private readonly url: string,
    private token: Secret | null = null,
  ) {}

  /** From here on every call carries it. */
  authenticate(token: Secret): void {
    this.token = token;
  }

  /** @throws PermanentError `UNAUTHENTICATED` (or the API's own code) when the token is wrong, used or expired */
  async register(workerId: string, body: z.infer<typeof REGISTER>, signal?: AbortSignal): Promise<Registered> {
    return REGISTERED.parse(await this.#post(`workers/${encodeURIComponent(workerId)}/register`, body, signal));
  }

  async heartbeat(workerId: string, body: z.infer<typeof HEARTBEAT>, signal?: AbortSignal): Promise<void> {
    PROLONGED.parse(await this.#post(`workers/${encodeURIComponent(workerId)}/heartbeat`, body, signal));
  }

  /** Where the pool takes its work from. */
  async poolPlace(signal?: AbortSignal): Promise<z.infer<typeof POOL_PLACE>> {
    return POOL_PLACE.parse(await this.#post('movers/place', {}, signal));
  }

  /** The time to write, from when it was asked for; whoever had this name before is gone. */
  async takeLease(mover: string, signal?: AbortSignal): Promise<z.infer<typeof LEASED>> {
    return LEASED.parse(await this.#post('movers/lease', { mover }, signal));
  }

  /** @throws PermanentError `LEASE_LOST`: end */
  async renewLease(mover: string, signal?: AbortSignal): Promise<z.infer<typeof LEASED>> {
    return LEASED.parse(await this.#post('movers/renew', { mover }, signal));
  }

  /** This process writes nothing any more. */
  async leave(mover: string, signal?: AbortSignal): Promise<void> {
    await this.#post('movers/leave', { mover }, signal);
  }

  /** @throws PermanentError `SEGMENT_DONE`, `SEGMENT_STALE`: drop the job; `LEASE_LOST`: end */
  async claim(segmentId: string, body: z.infer<typeof CLAIM>, signal?: AbortSignal): Promise<SegmentGrant | Held> {
    return CLAIMED.parse(await this.#post(`segments/${encodeURIComponent(segmentId)}/claim`, body, signal));
  }

  /**
   * @returns whether it counts
   * @throws PermanentError `GRANT_UNKNOWN` and others: it is refused for good
   */
  async report(segmentId: string, report: Report, signal?: AbortSignal): Promise<boolean> {
    return REPORTED.parse(await this.#post(`segments/${encodeURIComponent(segmentId)}/report`, report, signal)).counted;
  }

  /** Whoever had this name before is gone. */
  async started(mover: string, signal?: AbortSignal): Promise<void> {
    await this.#post('movers/started', { mover }, signal);
  }

  async #post(path: string, body: unknown, signal: AbortSignal | undefined): Promise<unknown> {
    const deadline = AbortSignal.timeout(TIMEOUT_MS);
    const authorization = this.token === null ? null : bearerOf(this.token, 'of this data-mover');
    let response: Response;
    let text: string;
    try {
      response = await fetch(new URL(`/internal/v1/${path}`, this.url), {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          ...(authorization === null ? {} : { authorization }),
        },
        body: JSON.stringify(body),
        signal: signal === undefined ? deadline : AbortSignal.any([signal, deadline]),
      });
      text = await response.text();
    } catch (cause) {
      signal?.throwIfAborted();
      throw unreachable(this.url, cause);
    }
    const parsed = parseJson(text);
    if (response.ok) return parsed;
    throw refusal(response.status, this.url, parsed);
  }
}

/** The API does not know this data-mover (any more): it has nothing left to do. */
export class NotWelcomeError extends PermanentError {}

function refusal(status: number, url: string, body: unknown): LandfallError {
  const problem = SAID.safeParse(body);
  const details: ErrorDetails = problem.success
    ? { code: problem.data.code, message: problem.data.detail, fix: problem.data.fix }
    : {
        code: 'API_REFUSED',
        message: `The API at ${url} answered with status ${status}.`,
        fix: 'Look into the log of the API.',
      };
  if (status === 401) return new NotWelcomeError(details);
  return status >= 500 || status === 408 || status === 429 ? new RetryableError(details) : new PermanentError(details);
}

function unreachable(url: string, cause: unknown): RetryableError {
  return new RetryableError(
    {
      code: 'API_UNREACHABLE',
      message: `The API at ${url} does not answer.`,
      fix: 'See that the API runs and that this machine reaches it.',
    },
    { cause },
  );
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
