import type { PipelinePolicy, PipelineRequest, PipelineResponse } from '@azure/core-rest-pipeline';
import type { BudgetAnswer, BudgetedRequest, RequestBudget, RequestKind } from '@landfall/domain';

/** Takes every request, the client's own repetitions and the polling included, from the budget before it goes out. */
export function budgetPolicy(budget: RequestBudget): PipelinePolicy {
  return {
    name: 'landfallRequestBudget',
    async sendRequest(request, next) {
      const wanted = budgeted(request);
      const { abortSignal } = request;
      await budget.take(wanted, abortSignal instanceof AbortSignal ? abortSignal : undefined);
      const response = await next(request);
      await budget.answered(wanted, answerOf(response, wanted.kind));
      return response;
    },
  };
}

function budgeted(request: PipelineRequest): BudgetedRequest {
  const kind = kindOf(request.method);
  const vm = /^\/subscriptions\/[^/]+\/resourceGroups\/[^/]+\/providers\/Microsoft\.Compute\/virtualMachines\/[^/]+/i;
  return { kind, vm: kind === 'read' ? null : (vm.exec(new URL(request.url).pathname)?.[0] ?? null) };
}

function kindOf(method: string): RequestKind {
  if (method === 'GET' || method === 'HEAD') return 'read';
  return method === 'DELETE' ? 'delete' : 'write';
}

function answerOf({ status, headers }: PipelineResponse, kind: RequestKind): BudgetAnswer {
  const seconds = numberIn(headers.get('retry-after'));
  return {
    status,
    retryAfterMs: seconds === null ? null : seconds * 1000,
    remaining: numberIn(headers.get(`x-ms-ratelimit-remaining-subscription-${kind}s`)),
  };
}

function numberIn(header: string | undefined): number | null {
  return header !== undefined && /^\d+$/.test(header.trim()) ? Number(header) : null;
}
