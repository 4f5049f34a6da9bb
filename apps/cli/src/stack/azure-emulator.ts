import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import { bearerOf, outlineOf, Secret } from '@landfall/domain';
import type { StackFile } from '@landfall/local-stack/stack-file';
import { ApiProblem, Unreachable } from './errors.js';

/** Looks into the emulated Azure from outside the product; there is nothing like it in Azure itself. */
export class AzureEmulator {
  readonly #stack: Pick<StackFile, 'azure' | 'azureCa' | 'azureToken'>;
  readonly #startWith: string;

  constructor(stack: Pick<StackFile, 'azure' | 'azureCa' | 'azureToken'>, startWith: string) {
    this.#stack = stack;
    this.#startWith = startWith;
  }

  get<T>(path: string): Promise<T> {
    return this.#call<T>('GET', path);
  }

  post<T>(path: string, body: unknown): Promise<T> {
    return this.#call<T>('POST', path, JSON.stringify(body));
  }

  patch<T>(path: string, body: unknown): Promise<T> {
    return this.#call<T>('PATCH', path, JSON.stringify(body));
  }

  delete<T>(path: string): Promise<T> {
    return this.#call<T>('DELETE', path);
  }

  #call<T>(method: string, path: string, body?: string): Promise<T> {
    return new Promise((resolve, reject) => {
      let ca: Buffer;
      try {
        ca = readFileSync(this.#stack.azureCa);
      } catch (error) {
        return reject(this.#unreachable(error as Error));
      }
      const authorization = bearerOf(new Secret(this.#stack.azureToken), 'for Azure of stack.json');
      const headers: Record<string, string | number> = { authorization };
      if (body !== undefined) {
        headers['content-type'] = 'application/json';
        headers['content-length'] = Buffer.byteLength(body);
      }
      const asked = request(new URL(this.#stack.azure + path), { method, ca, headers, timeout: 60_000 }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.once('error', (error) => reject(this.#unreachable(error)));
        response.once('end', () => {
          const status = response.statusCode ?? 0;
          const text = Buffer.concat(chunks).toString('utf8');
          if (status >= 200 && status < 300) resolve(JSON.parse(text) as T);
          else reject(problemOf(status, text));
        });
      });
      asked.once('timeout', () => asked.destroy(new Error('no answer within 60 seconds')));
      asked.once('error', (error) => reject(this.#unreachable(error)));
      asked.end(body);
    });
  }

  #unreachable(cause: Error): Unreachable {
    return new Unreachable(
      {
        code: 'AZURE_UNREACHABLE',
        message: `The Azure emulator at ${this.#stack.azure} can't be reached (${outlineOf(cause)}).`,
        fix: `Start the stack with "${this.#startWith}"; "./landfall status" shows what runs.`,
      },
      { cause },
    );
  }
}

/** Azure's own shape of an error: `{"error": {"code", "message"}}`. */
function problemOf(status: number, text: string): ApiProblem {
  let said: { error?: { code?: string; message?: string } } = {};
  try {
    said = JSON.parse(text) as typeof said;
  } catch {
    // Not JSON: the status has to do.
  }
  return new ApiProblem(status, {
    code: said.error?.code ?? 'UNEXPECTED',
    message: said.error?.message ?? `The Azure emulator answered with status ${status}.`,
    fix: '"./landfall azure list" shows what there is.',
  });
}
