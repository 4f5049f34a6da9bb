import type { GateFacts, ObservedFacts } from './gate.js';

/* For tests: facts that let a restore through its gate. */
const GROUP = '/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/apps/providers';
const DISKS = [`${GROUP}/Microsoft.Compute/disks/web-os`, `${GROUP}/Microsoft.Compute/disks/web-data`];
const NIC = `${GROUP}/Microsoft.Network/networkInterfaces/web-nic`;
const ADDRESS = `${GROUP}/Microsoft.Network/publicIPAddresses/web-ip`;
const INSTANCE = '5f0c2c1e-8f0a-4a58-9d3e-1f5c7a6b2d10';

/** What a run finds out of a VM with two disks, a network interface and a public address, stopped at that time. */
export function someObservedFacts(of: {
  readonly restoreId: string;
  readonly stoppedAt: Date;
  /** Names of the disks that were restored. */
  readonly disks: readonly string[];
}): ObservedFacts {
  return {
    source: {
      recordedInstanceId: INSTANCE,
      instanceId: INSTANCE,
      powerState: 'deallocated',
      claimedBy: of.restoreId,
      disks: DISKS.map((azureId) => ({
        azureId,
        ownership: { atSnapshot: '2026-02-01T10:02:00.1234567+00:00', now: '2026-02-01T10:02:00.1234567+00:00' },
      })),
      nicIds: [NIC],
      addressIds: [ADDRESS],
      parts: [...DISKS, NIC, ADDRESS].map((azureId) => ({ azureId, deleteOption: 'Detach' })),
    },
    stop: { at: of.stoppedAt, longestSeconds: 3_600, outageSeconds: 1_200 },
    checks: { move: true, quota: true, size: true, names: true },
    snapshots: DISKS.map((diskId) => ({ diskId, provisioningState: 'Succeeded', completionPercent: 100 })),
    saved: { instanceId: INSTANCE, diskIds: DISKS, nicIds: [NIC], addressIds: [ADDRESS], hasTags: true },
    restored: of.disks.map((name) => ({
      ...{ name, diskState: 'Unattached', uniqueId: { noted: `unique-${name}`, now: `unique-${name}` } },
    })),
  };
}

/** Asked for by olivia, approved by arthur an hour before the source was stopped, good for a day. */
export function someGateFacts(stoppedAt: Date): GateFacts {
  const planHash = `sha256:${'0'.repeat(64)}`;
  const approvedAt = new Date(stoppedAt.getTime() - 3_600_000);
  return {
    restoreId: 'r1',
    planHash,
    requestedBy: 'olivia',
    approval: {
      ...{ planHash, requestedBy: 'olivia', approvedBy: 'arthur', approvedAt, selfApproval: false },
      expiresAt: new Date(approvedAt.getTime() + 24 * 3_600_000),
    },
    disks: ['sda', 'sdb'].map((name) => ({ name, isVerified: true })),
    verdicts: [],
    ...someObservedFacts({ restoreId: 'r1', stoppedAt, disks: ['sda', 'sdb'] }),
  };
}
