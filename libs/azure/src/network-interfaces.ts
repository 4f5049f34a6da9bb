import { restorePoller, type NetworkInterface } from '@azure/arm-network';
import type { CloudNic, NicSpec } from '@landfall/domain';
import type { AzureConnection } from './connection.js';
import { bodyHash, changed, requireOwn } from './ownership.js';
import type { Change } from './perform.js';

/** The change that makes a network interface; none ever gets a public address. */
export function createNic(
  connection: AzureConnection,
  read: (id: string) => Promise<CloudNic | null>,
  azureId: string,
  spec: NicSpec,
): Change<CloudNic> {
  const body = nicBody(spec);
  return {
    doing: `create the network interface "${spec.name}" in the resource group "${spec.resourceGroup}"`,
    intent: {
      key: `nic.create:${spec.name}`,
      operation: 'networkInterfaces.createOrUpdate',
      azureId,
      bodyHash: bodyHash(body),
      effect: { creates: { kind: 'nic', role: spec.role, purpose: spec.purpose } },
    },
    async look() {
      const nic = await read(azureId);
      if (nic === null) return { state: 'needed' };
      requireOwn(nic, spec.tags);
      if (spec.privateIp !== null && !nic.privateAddresses.includes(spec.privateIp)) {
        throw changed(nic, `its address is ${nic.privateAddresses.join(', ') || 'missing'} and not ${spec.privateIp}`);
      }
      switch (nic.provisioningState) {
        case 'Succeeded':
          return { state: 'done', value: nic };
        case 'Failed':
        case 'Canceled':
          return { state: 'needed' };
        default:
          return { state: 'busy' };
      }
    },
    send: () => connection.network.networkInterfaces.createOrUpdate(spec.resourceGroup, spec.name, body),
    resume: (state) => restorePoller(connection.network, state, connection.network.networkInterfaces.createOrUpdate),
  };
}

function nicBody(spec: NicSpec): NetworkInterface {
  return {
    location: spec.region,
    tags: { ...spec.tags },
    ipConfigurations: [
      {
        name: 'primary',
        primary: true,
        subnet: { id: spec.subnetId },
        privateIPAddressVersion: 'IPv4',
        ...(spec.privateIp === null
          ? { privateIPAllocationMethod: 'Dynamic' }
          : { privateIPAllocationMethod: 'Static', privateIPAddress: spec.privateIp }),
      },
    ],
  };
}
