import type { StepId } from '@landfall/domain';
import type { StageOutput } from './machine/stages.js';

/** Outputs with which every step is content. */
export const OUTPUTS: { [S in StepId]: StageOutput<S> } = {
  plan: { planHash: 'sha256:0' },
  'retrieve-archived-data': { objects: 0 },
  'create-staging-resource-group': { resourceGroupId: '/rg' },
  'create-empty-disks': { disks: [{ name: 'sda', azureId: '/disk' }] },
  'launch-worker': { workers: [] },
  'restore-data': { segments: 0, bytesMoved: 0, bytesVerified: 0 },
  'detach-disks': {},
  'deallocate-worker': {},
  'check-boot': {},
  'remove-source': {},
  'move-disks': {},
  'create-vm': { vmAzureId: '/vm' },
  'attach-disks': {},
  'remove-staging-resource-group': { fidelity: [] },
};
