export { AzureCloud, connectAzure } from './azure-cloud.js';
export type { ArmCall, AzureSettings } from './connection.js';
