import type { PipelinePolicy, PipelineRequest } from '@azure/core-rest-pipeline';

/*
 * What Azure has said when it refused something, in full. Of the refusal of a long-running call, and of a poll, the clients' error
 * holds the code and the sentence, but not the details, and in these are the reasons of a collective error.
 */
const bodies = new WeakMap<PipelineRequest, unknown>();

export function refusalKeeper(): PipelinePolicy {
  return {
    name: 'landfallRefusalKeeper',
    async sendRequest(request, next) {
      const response = await next(request);
      if (response.status >= 400) bodies.set(request, parseJson(response.bodyAsText ?? ''));
      return response;
    },
  };
}

/** Null: nothing is known of it. @param request of the client's error */
export function refusalBody(request: PipelineRequest | undefined): unknown {
  return request === undefined ? null : (bodies.get(request) ?? null);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
