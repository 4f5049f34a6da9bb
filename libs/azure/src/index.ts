export { AzureCloud, connectAzure } from './azure-cloud.js';
export { connectClients, type ArmCall, type AzureSettings } from './connection.js';
export { thisVmId } from './instance-metadata.js';
