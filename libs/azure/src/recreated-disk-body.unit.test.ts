import { describe, expect, it } from '@jest/globals';
import { recreatedDiskBody } from './recreated-disk-body.js';

const SNAPSHOT = '/snapshots/one';

function bodyOf(shown: Record<string, unknown>) {
  const saved = { azureId: '/disks/os', apiVersion: '2026-03-02', body: shown };
  return recreatedDiskBody({ saved, snapshotId: SNAPSHOT, tags: { 'landfall-restore': 'r1' } });
}

/** What Azure alone decides of a disk. */
const ITS_OWN = {
  ...{ timeCreated: '2026-01-01', diskSizeBytes: 2 ** 37, uniqueId: 'u', provisioningState: 'Succeeded' },
  ...{ diskState: 'Attached', LastOwnershipUpdateTime: '2026-01-02', shareInfo: [{ vmUri: '/vm' }] },
  ...{ burstingEnabledTime: '2026-01-01', propertyUpdatesInProgress: { targetTier: 'P50' }, completionPercent: 100 },
};

/** What somebody has decided of it. */
const CHOSEN = {
  ...{ osType: 'Linux', hyperVGeneration: 'V2', diskSizeGB: 128, maxShares: 1, tier: 'P20', burstingEnabled: true },
  purchasePlan: { name: 'p', publisher: 'q', product: 'r' },
  supportedCapabilities: { architecture: 'x64', diskControllerTypes: 'SCSI, NVMe', acceleratedNetwork: true },
  encryptionSettingsCollection: { enabled: true, encryptionSettingsVersion: '1.1' },
  encryption: { type: 'EncryptionAtRestWithCustomerKey', diskEncryptionSetId: '/sets/keys' },
  ...{ networkAccessPolicy: 'AllowPrivate', diskAccessId: '/accesses/one', publicNetworkAccess: 'Disabled' },
  ...{ dataAccessAuthMode: 'AzureActiveDirectory', supportsHibernation: true, optimizedForFrequentAttach: true },
  availabilityPolicy: { actionOnDiskDelay: 'None' },
};

const SHOWN = {
  ...{ id: '/disks/os', name: 'os', type: 'Microsoft.Compute/disks', location: 'westeurope', managedBy: '/vm' },
  ...{ tags: { cost: '7', 'Landfall-Restore': 'r0' }, zones: ['2'], sku: { name: 'Premium_LRS', tier: 'Premium' } },
  properties: {
    ...ITS_OWN,
    ...CHOSEN,
    ...{ diskIOPSReadWrite: 500, diskMBpsReadWrite: 100, securityProfile: { securityType: 'TrustedLaunch' } },
    creationData: { createOption: 'FromImage', imageReference: { id: '/images/one' }, logicalSectorSize: 512 },
  },
};

describe('the body with which a disk is made anew from a snapshot', () => {
  it('is what somebody has decided of the original, word for word, and nothing that Azure decides', () => {
    const { body, notSent } = bodyOf(SHOWN);
    expect(body).toStrictEqual({
      ...{ location: 'westeurope', zones: ['2'], sku: { name: 'Premium_LRS' } },
      tags: { cost: '7', 'landfall-restore': 'r1' },
      properties: {
        ...CHOSEN,
        creationData: { createOption: 'Copy', sourceResourceId: SNAPSHOT, logicalSectorSize: 512 },
      },
    });
    expect(notSent).toMatchObject([{ path: 'properties.securityProfile' }]);
  });

  it('tells how fast it is where that was for somebody to decide', () => {
    const fast = { diskIOPSReadWrite: 9_000, diskMBpsReadWrite: 300 };
    const properties = { ...fast, creationData: { createOption: 'Empty' } };
    const sent = (sku: string) => bodyOf({ location: 'westeurope', sku: { name: sku }, properties }).body['properties'];
    expect(sent('PremiumV2_LRS')).toMatchObject(fast);
    expect(sent('UltraSSD_LRS')).toMatchObject(fast);
    expect(Object.keys(sent('StandardSSD_LRS') as object)).toStrictEqual(['creationData']);
  });

  it('leaves out what has no rule, and tells it', () => {
    const { body, notSent } = bodyOf({ ...SHOWN, novelty: 1, properties: { ...SHOWN.properties, other: 2 } });
    expect(JSON.stringify(body)).not.toMatch(/novelty|other"/);
    expect(notSent.map(({ path }) => path)).toStrictEqual(expect.arrayContaining(['novelty', 'properties.other']));
  });
});
