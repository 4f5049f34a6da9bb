import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

/*
 * What a person on call looks at: how many restores are in which state, how long steps take, whether queues grow,
 * whether data flows, and what Azure answers. Labels have few values each; ids never become labels.
 */
export interface Metrics {
  readonly registry: Registry;
  /** Restores by state; set at the moment of a scrape. */
  readonly restores: Gauge<'state'>;
  /** Seconds from a step's first start to an end of it, by step and outcome (`done`, `failed`, `retried`, `stopped`). */
  readonly stepSeconds: Histogram<'step' | 'outcome'>;
  /** Jobs by queue and state (`waiting`, `active`, `delayed`, `failed`). */
  readonly queueJobs: Gauge<'queue' | 'state'>;
  /** Bytes of segments that are done, by what was done with them: `written`, `zero`, `read`. */
  readonly bytesMoved: Counter<'what'>;
  /** Calls to Azure by operation and result (`succeeded`, `failed`, `throttled`). */
  readonly azureCalls: Counter<'operation' | 'result'>;
  /** What all services together may still ask of Azure, as this one saw it last; negative: others wait already. */
  readonly azureBudget: Gauge<'kind'>;
  /** Requests to Azure that had to wait for the budget, and for how many seconds. */
  readonly azureBudgetWaits: Counter<'kind'>;
  readonly azureBudgetWaitSeconds: Counter<'kind'>;
  /** Requests that were put off altogether, and answers "too many requests". */
  readonly azureBudgetRefusals: Counter<'kind'>;
  readonly azureThrottled: Counter<'kind'>;
  /** 1 while this service keeps to a small budget of its own, because Redis does not answer. */
  readonly azureBudgetLocal: Gauge;
  /** What ended restores have left in Azure, by finding; set by each scheduled sweep. */
  readonly orphans: Gauge<'finding'>;
  /** Resources that scheduled sweeps removed. */
  readonly sweptResources: Counter;
  /** Seconds that HTTP requests took, by method, route pattern and status. */
  readonly httpSeconds: Histogram<'method' | 'route' | 'status'>;
}

/** Makes a registry of its own, so that tests and services side by side in a process do not share one. */
export function createMetrics(service: string): Metrics {
  const registry = new Registry();
  registry.setDefaultLabels({ service });
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  return {
    registry,
    restores: new Gauge({ name: 'landfall_restores', help: 'Restores by state.', labelNames: ['state'], registers }),
    stepSeconds: new Histogram({
      name: 'landfall_step_duration_seconds',
      help: 'Time from the start of a step to its end.',
      labelNames: ['step', 'outcome'],
      buckets: [0.05, 0.25, 1, 5, 15, 60, 300, 900, 3600, 14400],
      registers,
    }),
    queueJobs: new Gauge({
      name: 'landfall_queue_jobs',
      help: 'Jobs by queue and state.',
      labelNames: ['queue', 'state'],
      registers,
    }),
    bytesMoved: new Counter({
      name: 'landfall_moved_bytes_total',
      help: 'Bytes that data-movers handled.',
      labelNames: ['what'],
      registers,
    }),
    azureCalls: new Counter({
      name: 'landfall_azure_calls_total',
      help: 'Calls to Azure by operation and result.',
      labelNames: ['operation', 'result'],
      registers,
    }),
    azureBudget: new Gauge({
      name: 'landfall_azure_budget_tokens',
      help: 'Requests that may still be sent to Azure at once, by all services together.',
      labelNames: ['kind'],
      registers,
    }),
    azureBudgetWaits: new Counter({
      name: 'landfall_azure_budget_waits_total',
      help: 'Requests to Azure that had to wait for the budget.',
      labelNames: ['kind'],
      registers,
    }),
    azureBudgetWaitSeconds: new Counter({
      name: 'landfall_azure_budget_wait_seconds_total',
      help: 'Time for which requests to Azure waited for the budget.',
      labelNames: ['kind'],
      registers,
    }),
    azureBudgetRefusals: new Counter({
      name: 'landfall_azure_budget_refusals_total',
      help: 'Requests to Azure that were put off because the budget was used up.',
      labelNames: ['kind'],
      registers,
    }),
    azureThrottled: new Counter({
      name: 'landfall_azure_throttled_total',
      help: 'Answers of Azure that there were too many requests.',
      labelNames: ['kind'],
      registers,
    }),
    azureBudgetLocal: new Gauge({
      name: 'landfall_azure_budget_local',
      help: '1 while this service keeps to a small budget of its own.',
      registers,
    }),
    orphans: new Gauge({
      name: 'landfall_orphans',
      help: 'What ended restores have left in Azure, by finding.',
      labelNames: ['finding'],
      registers,
    }),
    sweptResources: new Counter({
      name: 'landfall_swept_resources_total',
      help: 'Resources that scheduled sweeps removed.',
      registers,
    }),
    httpSeconds: new Histogram({
      name: 'landfall_http_request_duration_seconds',
      help: 'Time to answer HTTP requests.',
      labelNames: ['method', 'route', 'status'],
      buckets: [0.005, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 5, 30],
      registers,
    }),
  };
}

/** Enters what the books have taken in into the metrics. */
export function booksObserver({ stepSeconds, bytesMoved }: Pick<Metrics, 'stepSeconds' | 'bytesMoved'>) {
  return {
    stepEnded: (step: string, outcome: string, seconds: number): void =>
      stepSeconds.observe({ step, outcome }, seconds),
    segmentDone(bytes: { bytesWritten: number; bytesZero: number; bytesRead: number }): void {
      bytesMoved.inc({ what: 'written' }, bytes.bytesWritten);
      bytesMoved.inc({ what: 'zero' }, bytes.bytesZero);
      bytesMoved.inc({ what: 'read' }, bytes.bytesRead);
    },
  };
}

/** Enters what the budget of requests to Azure tells into the metrics. */
export function budgetObserver(metrics: Metrics) {
  return {
    taken(kind: string, tokens: number, waitedMs: number): void {
      metrics.azureBudget.set({ kind }, Math.floor(tokens));
      // Asking for a token takes a moment of its own.
      if (waitedMs < 50) return;
      metrics.azureBudgetWaits.inc({ kind });
      metrics.azureBudgetWaitSeconds.inc({ kind }, waitedMs / 1000);
    },
    refused: (kind: string): void => metrics.azureBudgetRefusals.inc({ kind }),
    throttled: (kind: string): void => metrics.azureThrottled.inc({ kind }),
    local: (isLocal: boolean): void => metrics.azureBudgetLocal.set(isLocal ? 1 : 0),
  };
}
