import type { PipelineRequest } from '@azure/core-rest-pipeline';
import { ResourceIds, Secret, type ToBeMade } from '@landfall/domain';
import { connectClients, type AzureConnection } from './connection.js';
import { createDisk } from './disks.js';
import { createNic } from './network-interfaces.js';
import type { Change } from './perform.js';
import { recreatedBody } from './recreated-body.js';
import { recreation } from './recreation.js';
import { createGroup } from './resource-groups.js';
import { takeSnapshot } from './snapshots.js';
import { record } from './verbatim.js';
import { createVm } from './virtual-machines.js';

/*
 * The request with which something would be made, word for word, taken from the very code that makes it before it goes out: so that
 * Azure can be asked beforehand about what will be sent, and not about something like it.
 */
export interface Draft {
  readonly azureId: string;
  readonly apiVersion: string;
  readonly body: Readonly<Record<string, unknown>>;
}

export class Drafts extends ResourceIds {
  readonly #connection: AzureConnection;

  constructor(readonly subscriptionId: string) {
    super();
    const nowhere = { subscriptionId, endpoint: 'https://nowhere.invalid', token: new Secret('none'), applianceId: '' };
    this.#connection = connectClients(nowhere, { sendRequest: (request) => Promise.reject(new NotSent(request)) });
  }

  async of(wanted: ToBeMade): Promise<Draft> {
    try {
      await this.#changeFor(wanted).send().submitted();
    } catch (error) {
      if (error instanceof NotSent) return draftOf(error.request);
      throw error;
    }
    throw new Error(`Nothing would be sent to make the ${wanted.kind}.`);
  }

  #changeFor(wanted: ToBeMade): Change<unknown> {
    const connection = this.#connection;
    const nothing = () => Promise.resolve(null);
    switch (wanted.kind) {
      case 'resource-group':
        return createGroup(connection, nothing, this.resourceGroupId(wanted.spec.name), wanted.spec);
      case 'disk': {
        const { spec, waitsForUpload } = wanted;
        const azureId = this.diskId(spec.resourceGroup, spec.name);
        return createDisk(connection, nothing, azureId, spec, waitsForUpload ? 'Upload' : 'Empty');
      }
      case 'snapshot': {
        const azureId = this.snapshotId(wanted.spec.resourceGroup, wanted.spec.name);
        return takeSnapshot(connection, nothing, azureId, wanted.spec);
      }
      case 'nic':
        return createNic(connection, nothing, this.nicId(wanted.spec.resourceGroup, wanted.spec.name), wanted.spec);
      case 'vm':
        return createVm(connection, nothing, this.vmId(wanted.spec.resourceGroup, wanted.spec.name), wanted.spec);
      case 'vm-anew':
        return recreation(connection, nothing, wanted.spec, recreatedBody(wanted.spec.saved, wanted.spec).body);
    }
  }
}

class NotSent extends Error {
  constructor(readonly request: PipelineRequest) {
    super('This request is only drafted.');
  }
}

function draftOf({ url, body }: PipelineRequest): Draft {
  const { pathname, searchParams } = new URL(url);
  return {
    azureId: decodeURIComponent(pathname),
    apiVersion: searchParams.get('api-version') ?? '',
    body: record(JSON.parse(typeof body === 'string' ? body : '{}')),
  };
}
