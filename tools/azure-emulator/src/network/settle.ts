import type { OperationKind } from '../operations/kind.js';
import { put, remove } from '../state/state.js';

/* Network resources take their new shape when a write is accepted; the operation only lets time pass. */
export const SETTLE_NETWORK_RESOURCE: OperationKind<null> = {
  name: 'network.write',
  run: (_, operation, azure) => {
    const resource = azure.state.resource(operation.resourceId);
    return { changes: resource === undefined ? [] : [put({ ...resource, provisioningState: 'Succeeded' })] };
  },
  abandon: (_, operation, azure) => {
    const resource = azure.state.resource(operation.resourceId);
    return resource === undefined ? [] : [put({ ...resource, provisioningState: 'Failed' })];
  },
};

export const DELETE_NETWORK_RESOURCE: OperationKind<null> = {
  name: 'network.delete',
  run: (_, operation) => ({ changes: [remove(operation.resourceId)] }),
  abandon: (_, operation, azure) => {
    const resource = azure.state.resource(operation.resourceId);
    return resource === undefined ? [] : [put({ ...resource, provisioningState: 'Failed' })];
  },
};
