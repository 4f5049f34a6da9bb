import {
  createHttpHeaders,
  RestError,
  type HttpClient,
  type PipelineRequest,
  type PipelineResponse,
} from '@azure/core-rest-pipeline';
import type { Gates } from '../gates.js';
import { refused, type Answer, type ArmCall } from './answers.js';
import type { MemoryAzure } from './memory-azure.js';

/** Of each request, how often it goes wrong on its way. */
export interface WireFaults {
  throttled: number;
  failed: number;
  /** The connection is lost before the request has its effect. */
  lost: number;
  /** … after it. */
  answerLost: number;
}

export const NO_WIRE_FAULTS: Readonly<WireFaults> = { throttled: 0, failed: 0, lost: 0, answerLost: 0 };

/** The network between the real client and Azure in memory. */
export class SimulatedWire implements HttpClient {
  faults: WireFaults = { ...NO_WIRE_FAULTS };

  constructor(
    private readonly gates: Gates,
    private readonly azure: MemoryAzure,
  ) {}

  async sendRequest(request: PipelineRequest) {
    const call = callOf(request);
    const { method } = call;
    const name = call.path.split('/').slice(-2).join('/');
    const answer = await this.gates.call(`${method} ${name}`, () => {
      if (request.abortSignal?.aborted)
        throw Object.assign(new Error('The operation was aborted.'), { name: 'AbortError' });
      const { random } = this.gates.kernel;
      if (random.chance(this.faults.lost)) throw reset(request);
      if (random.chance(this.faults.throttled)) {
        return { ...refused(429, 'TooManyRequests', 'Too many requests.'), headers: { 'retry-after': '2' } };
      }
      if (random.chance(this.faults.failed)) return refused(500, 'InternalServerError', 'Something went wrong.');
      const given: Answer = this.azure.handle(call);
      if (random.chance(this.faults.answerLost)) throw reset(request);
      return given;
    });
    return responseTo(request, answer);
  }
}

/** A request as Azure in memory takes it. */
export function callOf({ url, method, body, headers }: PipelineRequest): ArmCall {
  const { pathname, searchParams } = new URL(url);
  const text = typeof body === 'string' && body !== '' ? body : '{}';
  const onlyIfNew = headers.get('if-none-match') === '*';
  return { method, path: pathname, query: searchParams, body: JSON.parse(text) as ArmCall['body'], onlyIfNew };
}

export function responseTo(request: PipelineRequest, { status, headers, body }: Answer): PipelineResponse {
  return {
    request,
    status,
    headers: createHttpHeaders({ 'content-type': 'application/json', date: new Date().toUTCString(), ...headers }),
    bodyAsText: body === undefined ? '' : JSON.stringify(body),
  };
}

function reset(request: PipelineRequest): RestError {
  return new RestError('socket hang up', { code: 'ECONNRESET', request });
}
