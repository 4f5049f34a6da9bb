import { ComputeManagementClient, RestError } from '@azure/arm-compute';
import { NetworkManagementClient } from '@azure/arm-network';
import { ResourceManagementClient } from '@azure/arm-resources';
import type { AccessToken, TokenCredential } from '@azure/core-auth';
import {
  createDefaultHttpClient,
  createHttpHeaders,
  createPipelineRequest,
  type HttpClient,
  type PipelineRequestOptions,
  type HttpMethods,
  type PipelinePolicy,
  type PipelineResponse,
} from '@azure/core-rest-pipeline';
import { outlineOf, type RequestBudget, type Secret } from '@landfall/domain';
import { AmbientIdentity } from './ambient-identity.js';
import { budgetPolicy } from './budget-policy.js';
import { operationState } from './poller-state.js';
import { refusalKeeper } from './refusal-bodies.js';

export interface AzureSettings {
  readonly subscriptionId: string;
  /** Of Azure Resource Manager; left out: public Azure. */
  readonly endpoint?: string | undefined;
  /** A fixed bearer token; left out: the ambient identity (DefaultAzureCredential). */
  readonly token?: Secret | undefined;
  readonly applianceId: string;
  /** What every request is taken from; left out: Azure is asked without measure. */
  readonly budget?: RequestBudget | undefined;
  /** Told of every request that was answered, repetitions included; for logs and metrics. */
  readonly onCall?: ((call: ArmCall) => void) | undefined;
}

/** One request to Azure Resource Manager. Holds no query, body or header that could be a credential. */
export interface ArmCall {
  readonly method: string;
  readonly path: string;
  /** Method and kind of resource, such as `PUT disks`; few values, fit for a metric. */
  readonly operation: string;
  readonly status: number;
  /** A GET that finds nothing has succeeded: it was asked to look. */
  readonly result: 'succeeded' | 'failed' | 'throttled';
  readonly milliseconds: number;
  readonly correlationId: string | null;
  readonly requestId: string | null;
}

/** The three clients, and what none of them offers. */
export interface AzureConnection {
  readonly subscriptionId: string;
  readonly compute: ComputeManagementClient;
  readonly network: NetworkManagementClient;
  readonly resources: ResourceManagementClient;
  /** @param url absolute, or a path below the endpoint */
  get(url: string, signal?: AbortSignal): Promise<unknown>;
  /** When Azure has answered a GET of this, by its own clock. @param path below the endpoint */
  dateOf(path: string): Promise<Date>;
  /** Asks something by POST that changes nothing. @param path below the endpoint; the budget has to know it for a question */
  ask(path: string, question: unknown): Promise<unknown>;
  /**
   * Puts a resource word for word, in the version of the API whose words these are. Returns the state with which a client waits
   * for the operation; null: Azure has made none of it.
   */
  put(
    azureId: string,
    apiVersion: string,
    body: unknown,
    headers: Readonly<Record<string, string>>,
  ): Promise<string | null>;
  /**
   * The end of a blob whose address is a credential itself: no other is sent along. At most so many bytes; null: there is no such blob.
   * @param url never shown
   */
  readSignedEnd(url: string, mostBytes: number): Promise<Buffer | null>;
  /** Milliseconds for which Azure, when last asked about this operation, asked to be left alone (`Retry-After`); 0: nothing said. */
  advisedWait(operationUrl: string): number;
}

const PUBLIC_AZURE = 'https://management.azure.com';

/** Repetitions by the client itself, before an error comes out. */
const RETRIES = { maxRetries: 3, retryDelayInMs: 500, maxRetryDelayInMs: 8_000 };

/** @param transport stands in for the network in tests */
export function connectClients(settings: AzureSettings, transport?: HttpClient): AzureConnection {
  const credential = settings.token === undefined ? new AmbientIdentity() : new FixedToken(settings.token);
  const endpoint = (settings.endpoint ?? PUBLIC_AZURE).replace(/\/+$/, '');
  const advised = new Map<string, number>();
  const options = {
    endpoint,
    retryOptions: RETRIES,
    additionalPolicies: [
      // First, so that the time for which a request waits is none of Azure's.
      ...(settings.budget ? [{ policy: budgetPolicy(settings.budget), position: 'perRetry' as const }] : []),
      { policy: callObserver(settings.onCall), position: 'perRetry' as const },
      { policy: refusalKeeper(), position: 'perRetry' as const },
      { policy: adviceKeeper(advised), position: 'perRetry' as const },
    ],
    ...(transport === undefined ? {} : { httpClient: transport }),
  };
  const compute = new ComputeManagementClient(credential, settings.subscriptionId, options);
  const network = new NetworkManagementClient(credential, settings.subscriptionId, options);
  const resources = new ResourceManagementClient(credential, settings.subscriptionId, options);
  const client = transport ?? createDefaultHttpClient();
  const send = (method: HttpMethods, url: string, body: unknown, headers: Readonly<Record<string, string>>) => {
    const request = createPipelineRequest({
      ...{ url, method, body: JSON.stringify(body) },
      headers: createHttpHeaders({ ...headers, 'content-type': 'application/json' }),
    });
    return resources.pipeline.sendRequest(client, request);
  };
  return {
    subscriptionId: settings.subscriptionId,
    compute,
    network,
    resources,
    async get(url, signal) {
      const request = createPipelineRequest({
        url: url.startsWith('/') ? `${endpoint}${url}` : url,
        ...(signal === undefined ? {} : { abortSignal: signal }),
      });
      return bodyOf(await resources.pipeline.sendRequest(client, request));
    },
    async dateOf(path) {
      const response = await resources.pipeline.sendRequest(
        client,
        createPipelineRequest({ url: `${endpoint}${path}` }),
      );
      bodyOf(response);
      const date = new Date(response.headers.get('date') ?? '');
      if (Number.isNaN(date.getTime())) throw new Error('Azure has answered without a date.');
      return date;
    },
    async ask(path, question) {
      return bodyOf(await send('POST', `${endpoint}${path}`, question, {}));
    },
    async put(azureId, apiVersion, body, headers) {
      const url = `${endpoint}${azureId}?api-version=${apiVersion}`;
      const response = await send('PUT', url, body, headers);
      bodyOf(response);
      const operation = response.headers.get('azure-asyncoperation');
      return operation === undefined ? null : operationState(url, operation);
    },
    readSignedEnd: (url, mostBytes) => readEnd(client, url, mostBytes),
    advisedWait(operationUrl) {
      const path = pathOf(operationUrl);
      const milliseconds = advised.get(path) ?? 0;
      advised.delete(path);
      return milliseconds;
    },
  };
}

/** Storage takes no range that counts from the end, so that its length is asked for first. */
async function readEnd(client: HttpClient, url: string, mostBytes: number): Promise<Buffer | null> {
  const ask = (request: PipelineRequestOptions) =>
    client.sendRequest(createPipelineRequest(request)).catch((error: unknown) => {
      // Without the error itself: it holds the request, and its address is a credential.
      throw new Error(outlineOf(error));
    });
  const head = await ask({ url, method: 'HEAD' });
  if (head.status === 404) return null;
  requireRead(head);
  const length = Number(head.headers.get('content-length') ?? 0);
  if (!Number.isSafeInteger(length) || length <= 0) return Buffer.alloc(0);
  const headers = createHttpHeaders({ range: `bytes=${Math.max(0, length - mostBytes)}-${length - 1}` });
  const response = await ask({ url, headers, streamResponseStatusCodes: new Set([200, 206]) });
  if (response.status === 404) return null;
  requireRead(response);
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response.readableStreamBody ?? []) {
    chunks.push(Buffer.from(chunk as Uint8Array));
    bytes += chunk.length;
    // Whoever does not know ranges sends all of it, and it may have grown meanwhile.
    if (bytes >= 2 * mostBytes) break;
  }
  return Buffer.concat(chunks).subarray(-mostBytes);
}

function requireRead({ status }: PipelineResponse): void {
  if (status !== 200 && status !== 206) throw new Error(`Azure Storage answered with status ${status}.`);
}

function bodyOf(response: PipelineResponse): unknown {
  const body: unknown = parseJson(response.bodyAsText ?? '');
  if (response.status < 300) return body;
  const error = new RestError(`Azure answered with status ${response.status}.`, {
    statusCode: response.status,
    request: response.request,
    response,
  });
  error.details = body;
  throw error;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

class FixedToken implements TokenCredential {
  readonly #token: Secret;

  constructor(token: Secret) {
    this.#token = token;
  }

  getToken(): Promise<AccessToken> {
    const inAnHour = Date.now() + 3_600_000;
    return Promise.resolve({ token: this.#token.reveal(), expiresOnTimestamp: inAnHour });
  }
}

function callObserver(onCall: AzureSettings['onCall']): PipelinePolicy {
  return {
    name: 'landfallCallObserver',
    async sendRequest(request, next) {
      const startedAt = performance.now();
      const response = await next(request);
      const pathname = pathOf(request.url);
      onCall?.({
        method: request.method,
        path: pathname,
        operation: `${request.method} ${kindOfResource(pathname)}`,
        status: response.status,
        result: resultOf(request.method, response.status),
        milliseconds: performance.now() - startedAt,
        correlationId: response.headers.get('x-ms-correlation-request-id') ?? null,
        requestId: response.headers.get('x-ms-request-id') ?? null,
      });
      return response;
    },
  };
}

/**
 * The pollers keep what Azure says about the next poll to themselves, so it is noted here, by the operation's path: what comes
 * with the acceptance is meant for the operation that its headers name, what comes with a poll for the one that was asked about.
 */
function adviceKeeper(advised: Map<string, number>): PipelinePolicy {
  return {
    name: 'landfallAdviceKeeper',
    async sendRequest(request, next) {
      const response = await next(request);
      const { headers, status } = response;
      const seconds = Number(headers.get('retry-after') ?? 0);
      const operation =
        request.method === 'GET' ? request.url : (headers.get('azure-asyncoperation') ?? headers.get('location'));
      if (operation !== undefined && URL.canParse(operation) && status < 300 && seconds > 0) {
        advised.set(pathOf(operation), seconds * 1000);
      }
      return response;
    },
  };
}

function pathOf(url: string): string {
  return new URL(url).pathname;
}

/** The segments of a path that name kinds and actions: every second one, less the names between them. */
function kindOfResource(path: string): string {
  const parts = path.split('/');
  const provider = parts.findIndex((part) => part.toLowerCase() === 'providers');
  if (provider < 0) return parts[3]?.toLowerCase() ?? 'subscriptions';
  return parts
    .slice(provider + 2)
    .filter((_, index) => index % 2 === 0)
    .join('/');
}

function resultOf(method: string, status: number): ArmCall['result'] {
  if (status === 429) return 'throttled';
  return status < 400 || (status === 404 && method === 'GET') ? 'succeeded' : 'failed';
}
