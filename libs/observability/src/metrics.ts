import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

/*
 * What a person on call looks at: how many restores are in which state, how long steps take, whether queues grow,
 * whether data flows, and what Azure answers. Labels have few values each; ids never become labels.
 */
export interface Metrics {
  readonly registry: Registry;
  /** Restores by state; set at the moment of a scrape. */
  readonly restores: Gauge<'state'>;
  /** Seconds from a step's first start to its end, by step and outcome (`done`, `failed`, `retried`). */
  readonly stepSeconds: Histogram<'step' | 'outcome'>;
  /** Jobs by queue and state (`waiting`, `active`, `delayed`, `failed`). */
  readonly queueJobs: Gauge<'queue' | 'state'>;
  /** Bytes that data-movers handled, by what was done: `written`, `zero`, `read`. */
  readonly bytesMoved: Counter<'what'>;
  /** Calls to Azure by operation and result (`succeeded`, `failed`, `throttled`). */
  readonly azureCalls: Counter<'operation' | 'result'>;
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
