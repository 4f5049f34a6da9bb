import { addressOf, type AnswerOf, PROBLEM, type RequestOf, type Route } from '@landfall/contract';
import { bearerOf, outlineOf, Secret } from '@landfall/domain';
import type { z } from 'zod';
import { ApiProblem, Unreachable } from './errors.js';
import { readAnswer } from './read-answer.js';

export interface CallOptions {
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/** The web API of one stack. */
export class Api {
  readonly #base: string;
  readonly #token: Secret;
  readonly #startWith: string;
  /** Completes "the token …". */
  readonly #from: string;

  /** @param ownToken that of whoever calls; left out: the stack's own */
  constructor(base: string, token: string, startWith: string, ownToken?: string) {
    this.#base = base;
    this.#token = new Secret(ownToken ?? token);
    this.#from = ownToken === undefined ? 'of stack.json' : 'in LANDFALL_TOKEN';
    this.#startWith = startWith;
  }

  /**
   * Calls a route and reads its answer.
   * @throws as `call` does; UnreadableAnswer when what comes back is not what the contract says
   */
  async ask<R extends Route>(route: R, request: RequestOf<R> & CallOptions): Promise<AnswerOf<R>> {
    const response = await this.call(route, request);
    if (route.answer === undefined) return undefined as AnswerOf<R>;
    let body: unknown;
    try {
      body = await response.json();
    } catch (error) {
      if (request.signal?.aborted) throw error;
      throw this.#unreachable(error);
    }
    return readAnswer(route.answer, body, `${route.method} ${route.path}`) as AnswerOf<R>;
  }

  /**
   * @throws Unreachable `STACK_UNREACHABLE` when nothing answers, `STACK_DENIED` when the token is not accepted
   * @throws ApiProblem with the API's own code otherwise
   */
  async call<R extends Route>(route: R, request: RequestOf<R> & CallOptions): Promise<Response> {
    const { params, query, body, signal }: CallOptions & Partial<Anything> = request;
    const headers: Record<string, string> = { accept: 'application/json', ...request.headers };
    headers.authorization = bearerOf(this.#token, this.#from);
    if (body !== undefined) headers['content-type'] = 'application/json';
    let response: Response;
    try {
      response = await fetch(this.#base + addressOf(route, params, query), {
        method: route.method,
        headers,
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        ...(signal === undefined ? {} : { signal }),
      });
    } catch (error) {
      if (signal?.aborted) throw error;
      throw this.#unreachable(error);
    }
    if (response.ok) return response;
    throw await this.#problem(response);
  }

  async #problem(response: Response): Promise<ApiProblem | Unreachable> {
    const text = await response.text().catch(() => '');
    if (response.status === 401) {
      return new Unreachable({
        code: 'STACK_DENIED',
        message: `The API at ${this.#base} does not accept the token ${this.#from}.`,
        fix:
          this.#from === 'in LANDFALL_TOKEN'
            ? 'It is mistyped, has expired or was revoked: ask the administrator for another one.'
            : 'The folder and the running stack do not belong together: stop it with "./landfall down" and start it again.',
      });
    }
    const said = parse(text);
    return new ApiProblem(response.status, {
      code: said.code ?? 'UNEXPECTED',
      message: said.detail ?? said.title ?? `The API answered with status ${response.status}.`,
      fix: said.fix ?? 'Look into logs/api.log of the data folder.',
    });
  }

  #unreachable(cause: unknown): Unreachable {
    return new Unreachable(
      {
        code: 'STACK_UNREACHABLE',
        message: `The API at ${this.#base} can't be reached (${outlineOf(cause)}).`,
        fix: `Start the stack with "${this.#startWith}"; "./landfall status" shows what runs.`,
      },
      { cause },
    );
  }
}

/** The parts of a call, whatever its route. */
interface Anything {
  readonly params: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, unknown>>;
  readonly body: unknown;
}

/** As much of a problem as there is: what answers with an error need not be the API itself. */
const SAID = PROBLEM.pick({ code: true, title: true, detail: true, fix: true }).partial();

function parse(text: string): z.infer<typeof SAID> {
  try {
    return SAID.safeParse(JSON.parse(text)).data ?? {};
  } catch {
    return {};
  }
}
