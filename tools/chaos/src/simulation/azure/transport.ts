import { createHttpHeaders, RestError, type HttpClient, type PipelineRequest } from '@azure/core-rest-pipeline';
import type { Gates } from '../gates.js';
import { refused, type Answer } from './answers.js';
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
    const { pathname, searchParams } = new URL(request.url);
    const { method } = request;
    const text = typeof request.body === 'string' ? request.body : '';
    const body = (text === '' ? {} : JSON.parse(text)) as Record<string, unknown>;
    const name = pathname.split('/').slice(-2).join('/');
    const answer = await this.gates.call(`${method} ${name}`, () => {
      if (request.abortSignal?.aborted)
        throw Object.assign(new Error('The operation was aborted.'), { name: 'AbortError' });
      const { random } = this.gates.kernel;
      if (random.chance(this.faults.lost)) throw reset(request);
      if (random.chance(this.faults.throttled)) {
        return { ...refused(429, 'TooManyRequests', 'Too many requests.'), headers: { 'retry-after': '2' } };
      }
      if (random.chance(this.faults.failed)) return refused(500, 'InternalServerError', 'Something went wrong.');
      const given: Answer = this.azure.handle({ method, path: pathname, query: searchParams, body });
      if (random.chance(this.faults.answerLost)) throw reset(request);
      return given;
    });
    const headers = createHttpHeaders({ 'content-type': 'application/json', ...answer.headers });
    const bodyAsText = answer.body === undefined ? '' : JSON.stringify(answer.body);
    return { request, status: answer.status, headers, bodyAsText };
  }
}

function reset(request: PipelineRequest): RestError {
  return new RestError('socket hang up', { code: 'ECONNRESET', request });
}
