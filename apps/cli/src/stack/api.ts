import { ApiProblem, Unreachable } from './errors.js';

export interface ApiRequest {
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/** The web API of one stack. */
export class Api {
  readonly #base: string;
  readonly #token: string;
  readonly #startWith: string;

  constructor(base: string, token: string, startWith: string) {
    this.#base = base;
    this.#token = token;
    this.#startWith = startWith;
  }

  get<T>(path: string, request: ApiRequest = {}): Promise<T> {
    return this.#json<T>('GET', path, request);
  }

  post<T>(path: string, body: unknown = {}, request: Omit<ApiRequest, 'body'> = {}): Promise<T> {
    return this.#json<T>('POST', path, { ...request, body });
  }

  async delete(path: string): Promise<void> {
    await this.call('DELETE', path, {});
  }

  /**
   * @throws Unreachable `STACK_UNREACHABLE` when nothing answers, `STACK_DENIED` when the token is not accepted
   * @throws ApiProblem with the API's own code otherwise
   */
  async call(method: string, path: string, request: ApiRequest): Promise<Response> {
    const headers: Record<string, string> = { accept: 'application/json', ...request.headers };
    headers.authorization = `Bearer ${this.#token}`;
    if (request.body !== undefined) headers['content-type'] = 'application/json';
    let response: Response;
    try {
      response = await fetch(this.#base + path, {
        method,
        headers,
        ...(request.body === undefined ? {} : { body: JSON.stringify(request.body) }),
        ...(request.signal === undefined ? {} : { signal: request.signal }),
      });
    } catch (error) {
      if (request.signal?.aborted) throw error;
      throw this.#unreachable(error);
    }
    if (response.ok) return response;
    throw await this.#problem(response);
  }

  async #json<T>(method: string, path: string, request: ApiRequest): Promise<T> {
    const response = await this.call(method, path, request);
    try {
      return (await response.json()) as T;
    } catch (error) {
      if (request.signal?.aborted) throw error;
      throw this.#unreachable(error);
    }
  }

  async #problem(response: Response): Promise<ApiProblem | Unreachable> {
    const text = await response.text().catch(() => '');
    if (response.status === 401) {
      return new Unreachable({
        code: 'STACK_DENIED',
        message: `The API at ${this.#base} does not accept the token of stack.json.`,
        fix: 'The folder and the running stack do not belong together: stop it with "./landfall down" and start it again.',
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
        message: `The API at ${this.#base} can't be reached (${reasonOf(cause)}).`,
        fix: `Start the stack with "${this.#startWith}"; "./landfall status" shows what runs.`,
      },
      { cause },
    );
  }
}

interface Problem {
  readonly code?: string;
  readonly title?: string;
  readonly detail?: string;
  readonly fix?: string;
}

function parse(text: string): Problem {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    return {};
  }
}

/** `fetch` hides the reason in the cause. */
function reasonOf(error: unknown): string {
  const cause = (error as { cause?: { code?: string; message?: string } } | null)?.cause;
  return cause?.code ?? cause?.message ?? (error instanceof Error ? error.message : String(error));
}
