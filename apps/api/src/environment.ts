import {
  API_TOKEN,
  APPROVALS,
  BLOB_ACCOUNTS,
  DATABASE,
  HTTP,
  LOGGING,
  MOVER_LEASE,
  REDIS,
  SECRET_KEY,
  WORKERS,
} from '@landfall/config';
import { z } from 'zod';

export const API_ENVIRONMENT = z.object({
  ...DATABASE.shape,
  ...REDIS.shape,
  ...SECRET_KEY.shape,
  ...BLOB_ACCOUNTS.shape,
  ...API_TOKEN.shape,
  ...APPROVALS.shape,
  ...LOGGING.shape,
  ...HTTP.pick({ LANDFALL_HOST: true, LANDFALL_PORT: true }).shape,
  ...MOVER_LEASE.shape,
  ...WORKERS.pick({ LANDFALL_WORKER_REDIS_URL: true }).shape,
});

export type ApiEnvironment = z.infer<typeof API_ENVIRONMENT>;
