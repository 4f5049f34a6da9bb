import { AZURE, AZURE_BUDGET, DATABASE, HTTP, LOGGING, REDIS, WORKERS } from '@landfall/config';
import { z } from 'zod';

export const PROVISIONER_ENVIRONMENT = z.object({
  ...DATABASE.shape,
  ...REDIS.shape,
  ...AZURE.shape,
  ...AZURE_BUDGET.shape,
  ...LOGGING.shape,
  ...HTTP.pick({ LANDFALL_HOST: true, LANDFALL_METRICS_PORT: true }).shape,
  ...WORKERS.omit({ LANDFALL_WORKER_REDIS_URL: true }).shape,
});

export type ProvisionerEnvironment = z.infer<typeof PROVISIONER_ENVIRONMENT>;
