import {
  AZURE,
  AZURE_BUDGET,
  BLOB_ACCOUNTS,
  DATABASE,
  HTTP,
  LOGGING,
  REDIS,
  SECRET_KEY,
  SWEEP,
} from '@landfall/config';
import { z } from 'zod';

export const FINALIZER_ENVIRONMENT = z.object({
  ...DATABASE.shape,
  ...REDIS.shape,
  ...SECRET_KEY.shape,
  ...AZURE.shape,
  ...AZURE_BUDGET.shape,
  ...BLOB_ACCOUNTS.shape,
  ...SWEEP.shape,
  ...LOGGING.shape,
  ...HTTP.pick({ LANDFALL_HOST: true, LANDFALL_METRICS_PORT: true }).shape,
});

export type FinalizerEnvironment = z.infer<typeof FINALIZER_ENVIRONMENT>;
