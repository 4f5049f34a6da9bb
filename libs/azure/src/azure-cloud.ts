import type { Cloud } from '@landfall/domain';
import { AzureDisks } from './azure-disks.js';
import { AzureGroups } from './azure-groups.js';
import { AzureMachines } from './azure-machines.js';
import { AzureNetwork } from './azure-network.js';
import { AzurePolicies } from './azure-policies.js';
import { AzureSnapshots } from './azure-snapshots.js';
import { AzureSources } from './azure-sources.js';
import { connectClients, type AzureConnection, type AzureSettings } from './connection.js';
import { AzureReader } from './reader.js';

/** Azure through its SDK; `Cloud` says what every change keeps to, `perform.ts` how. */
export class AzureCloud implements Cloud {
  readonly reader: AzureReader;
  readonly policies: AzurePolicies;
  readonly disks: AzureDisks;
  readonly snapshots: AzureSnapshots;
  readonly machines: AzureMachines;
  readonly sources: AzureSources;
  readonly network: AzureNetwork;
  readonly groups: AzureGroups;

  constructor(connection: AzureConnection, applianceId: string) {
    this.reader = new AzureReader(connection);
    this.policies = new AzurePolicies(connection);
    this.disks = new AzureDisks(connection, this.reader, applianceId);
    this.snapshots = new AzureSnapshots(connection, this.reader, applianceId);
    this.machines = new AzureMachines(connection, this.reader, applianceId);
    this.sources = new AzureSources(connection, this.reader);
    this.network = new AzureNetwork(connection, this.reader);
    this.groups = new AzureGroups(connection, this.reader);
  }
}

export function connectAzure(settings: AzureSettings): AzureCloud {
  return new AzureCloud(connectClients(settings), settings.applianceId);
}
