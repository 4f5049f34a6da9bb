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
  const kind = kindOf(request);
  const vm = /^\/subscriptions\/[^/]+\/resourceGroups\/[^/]+\/providers\/Microsoft\.Compute\/virtualMachines\/[^/]+/i;
  return { kind, vm: kind === 'read' ? null : (vm.exec(new URL(request.url).pathname)?.[0] ?? null) };
}

function kindOf({ method, url }: PipelineRequest): RequestKind {
  if (method === 'GET' || method === 'HEAD' || isQuestion(url)) return 'read';
  return method === 'DELETE' ? 'delete' : 'write';
}

/** Asked by POST, because the question is long; it changes nothing. */
function isQuestion(url: string): boolean {
  return new URL(url).pathname.toLowerCase().endsWith('/providers/microsoft.policyinsights/checkpolicyrestrictions');
}

function answerOf({ status, headers }: PipelineResponse, kind: RequestKind): BudgetAnswer {
  const seconds = numberIn(headers.get('retry-after'));
  return {
    status,
    retryAfterMs: seconds === null ? null : seconds * 1000,
    remaining: leastLeft(headers, kind),
  };
}

/**
 * The least of what Azure says is left: Resource Manager's counts for the subscription, of this caller and of all of them, and
 * those of the resource provider, such as `Microsoft.Compute/CreateUpdateDisks3Min;2999,…30Min;24998`.
 * https://learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling
 */
function leastLeft(headers: PipelineResponse['headers'], kind: RequestKind): number | null {
  const left = [
    headers.get(`x-ms-ratelimit-remaining-subscription-${kind}s`),
    headers.get(`x-ms-ratelimit-remaining-subscription-global-${kind}s`),
    ...(headers.get('x-ms-ratelimit-remaining-resource') ?? '').split(',').map((count) => count.split(';')[1]),
  ].flatMap((count) => numberIn(count) ?? []);
  return left.length === 0 ? null : Math.min(...left);
}

function numberIn(header: string | undefined): number | null {
  return header !== undefined && /^\d+$/.test(header.trim()) ? Number(header) : null;
}
