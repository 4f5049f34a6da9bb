import {
  ARCHIVE_PRICES,
  AZURE,
  AZURE_BUDGET,
  BLOB_ACCOUNTS,
  DATABASE,
  DESTINATION_DEFAULTS,
  HTTP,
  LOGGING,
  REDIS,
  SECRET_KEY,
  WORKERS,
} from '@landfall/config';
import type { PlanningSettings } from '@landfall/domain';
import { z } from 'zod';

export const PLANNER_ENVIRONMENT = z.object({
  ...DATABASE.shape,
  ...REDIS.shape,
  ...SECRET_KEY.shape,
  ...AZURE.shape,
  ...AZURE_BUDGET.shape,
  ...BLOB_ACCOUNTS.shape,
  ...ARCHIVE_PRICES.shape,
  ...DESTINATION_DEFAULTS.shape,
  ...LOGGING.shape,
  ...HTTP.pick({ LANDFALL_HOST: true, LANDFALL_METRICS_PORT: true }).shape,
  ...WORKERS.pick({ LANDFALL_WORKER_SUBNET_ID: true }).shape,
});

export type PlannerEnvironment = z.infer<typeof PLANNER_ENVIRONMENT>;

export function planningSettings(environment: PlannerEnvironment, applianceId: string): PlanningSettings {
  return {
    subscriptionId: environment.AZURE_SUBSCRIPTION_ID,
    defaultRegion: environment.LANDFALL_DEFAULT_REGION ?? null,
    defaultResourceGroup: environment.LANDFALL_DEFAULT_RESOURCE_GROUP ?? null,
    defaultSubnetId: environment.LANDFALL_DEFAULT_SUBNET_ID ?? null,
    workerSubnetId: environment.LANDFALL_WORKER_SUBNET_ID ?? null,
    archivePrices: environment.LANDFALL_ARCHIVE_PRICES,
    applianceId,
  };
}
