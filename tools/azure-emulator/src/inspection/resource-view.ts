import type { Azure } from '../azure.js';
import { diskView } from '../compute/disk-view.js';
import { vmView } from '../compute/vm-view.js';
import { groupView } from '../groups/resource-groups.js';
import { interfaceView } from '../network/network-interfaces.js';
import { plainResourceView } from '../network/plain-resources.js';
import { networkView } from '../network/virtual-networks.js';
import { referredView } from '../referred/routes.js';
import {
  DISK,
  NETWORK_INTERFACE,
  PUBLIC_IP,
  RESOURCE_GROUP,
  SECURITY_GROUP,
  SNAPSHOT,
  VIRTUAL_MACHINE,
  VIRTUAL_NETWORK,
  type ResourceRecord,
} from '../state/records.js';

/** A resource of whatever type as a GET on it shows it; a VM with its instance view. */
export function resourceView(resource: ResourceRecord, azure: Azure): unknown {
  switch (resource.type) {
    case RESOURCE_GROUP:
      return groupView(resource);
    case DISK:
    case SNAPSHOT:
      return diskView(resource, azure.now());
    case VIRTUAL_MACHINE:
      return vmView(resource, azure, { instanceView: true });
    case NETWORK_INTERFACE:
      return interfaceView(resource);
    case VIRTUAL_NETWORK:
      return networkView(resource, azure);
    case PUBLIC_IP:
    case SECURITY_GROUP:
      return plainResourceView(resource, azure);
    default:
      return referredView(resource, azure);
  }
}
