import { createMetrics } from '@landfall/observability';
import { type DynamicModule, Module } from '@nestjs/common';
import { METRICS } from './tokens.js';

/** What the service counts, under `METRICS`. */
export function metricsModule(service: string): DynamicModule {
  const metrics = { provide: METRICS, useFactory: () => createMetrics(service) };
  return { module: MetricsModule, global: true, providers: [metrics], exports: [METRICS] };
}

@Module({})
class MetricsModule {}
