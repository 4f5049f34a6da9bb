import type { VirtualMachinesGetOptionalParams } from '@azure/arm-compute';
import { fromAzure, isNotFound } from './errors.js';

/*
 * Reading word for word: the clients' models leave out what they do not know, and make dates of what is compared as it stands, so
 * what Azure has sent is taken before they read it.
 */
type Options = Pick<VirtualMachinesGetOptionalParams, 'onResponse'>;

export interface Read<T> {
  readonly model: T;
  readonly body: unknown;
  readonly apiVersion: string;
}

/** Null: there is nothing of that name. */
export async function verbatim<T>(doing: string, ask: (options: Options) => Promise<T>): Promise<Read<T> | null> {
  let body: unknown = null;
  let apiVersion = '';
  const onResponse: Options['onResponse'] = (response) => {
    body = response.parsedBody;
    apiVersion = new URL(response.request.url).searchParams.get('api-version') ?? '';
  };
  try {
    const model = await ask({ onResponse });
    return { model, body, apiVersion };
  } catch (error) {
    if (isNotFound(error)) return null;
    throw fromAzure(error, doing);
  }
}

export function record(body: unknown): Readonly<Record<string, unknown>> {
  return typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : {};
}
