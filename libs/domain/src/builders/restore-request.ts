import type { DestinationRequest, RestoreRequest } from '../index.js';
import { aRestorePoint } from './restore-point.js';

export type RequestChanges = Partial<Omit<RestoreRequest, 'destination'>> & {
  readonly destination?: Partial<DestinationRequest>;
};

/** A restore to a new location with nothing named: the API's defaults. */
export function aRestoreRequest(changes: RequestChanges = {}): RestoreRequest {
  return {
    restorePointId: aRestorePoint().id,
    generation: 'auto',
    disksOnly: false,
    excludeDisks: [],
    transfer: 'worker',
    verify: 'sampled',
    archivePriority: 'standard',
    powerOn: true,
    isolated: false,
    ...changes,
    destination: { kind: 'new', ...changes.destination },
  };
}
