import {
  ARCHIVE_LOOKS,
  AZURE,
  AZURE_BUDGET,
  BLOB_ACCOUNTS,
  DATABASE,
  HTTP,
  LOGGING,
  REDIS,
  SECRET_KEY,
  WORKERS,
} from '@landfall/config';
import { z } from 'zod';

export const PROVISIONER_ENVIRONMENT = z.object({
  ...DATABASE.shape,
  ...REDIS.shape,
  ...AZURE.shape,
  ...AZURE_BUDGET.shape,
  ...SECRET_KEY.shape,
  ...BLOB_ACCOUNTS.shape,
  ...ARCHIVE_LOOKS.shape,
  ...LOGGING.shape,
  ...HTTP.pick({ LANDFALL_HOST: true, LANDFALL_METRICS_PORT: true }).shape,
  ...WORKERS.omit({ LANDFALL_WORKER_REDIS_URL: true }).shape,
});

export type ProvisionerEnvironment = z.infer<typeof PROVISIONER_ENVIRONMENT>;
