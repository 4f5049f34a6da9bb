import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { recreatedBody, type RecreateOrder } from './recreated-body.js';

const SUBSCRIPTION = '/subscriptions/s/resourceGroups/web/providers';
const ORDER: RecreateOrder = {
  osDiskId: `${SUBSCRIPTION}/Microsoft.Compute/disks/new-os`,
  dataDisks: [
    { diskId: `${SUBSCRIPTION}/Microsoft.Compute/disks/new-data`, lun: 0, caching: 'ReadOnly' },
    { diskId: `${SUBSCRIPTION}/Microsoft.Compute/disks/kept`, lun: 7, caching: 'None' },
  ],
  tags: { 'landfall-restore': 'r1' },
};

function bodyOf(shown: object, order: Partial<RecreateOrder> = {}) {
  const vm = { azureId: '/vm', apiVersion: '2026-04-01', body: shown as Record<string, unknown> };
  return recreatedBody({ vm }, { ...ORDER, ...order });
}

describe('the body with which a VM is made anew', () => {
  const SHOWN = {
    ...{ id: '/vm', name: 'web', type: 'Microsoft.Compute/virtualMachines', location: 'westeurope', etag: '"1"' },
    tags: { cost: '7', 'Landfall-Restore': 'r0' },
    plan: { name: 'p', publisher: 'q', product: 'r' },
    zones: ['2'],
    identity: {
      ...{ type: 'SystemAssigned, UserAssigned', principalId: 'old', tenantId: 't' },
      userAssignedIdentities: { '/identities/one': { principalId: 'x', clientId: 'y' } },
    },
    resources: [{ id: '/vm/extensions/script' }],
    properties: {
      ...{ vmId: 'v', provisioningState: 'Succeeded', timeCreated: '2026-01-01', licenseType: 'Windows_Server' },
      ...{ userData: 'aGk=', availabilitySet: { id: '/sets/one' }, proximityPlacementGroup: { id: '/ppg' } },
      hardwareProfile: { vmSize: 'Standard_D4s_v5' },
      storageProfile: {
        imageReference: { publisher: 'p', offer: 'o', sku: 's', version: 'latest', exactVersion: '1' },
        diskControllerType: 'NVMe',
        osDisk: {
          ...{ osType: 'Windows', name: 'web-os', createOption: 'FromImage', caching: 'ReadWrite', diskSizeGB: 127 },
          ...{ deleteOption: 'Delete', managedDisk: { id: '/disks/web-os', storageAccountType: 'Premium_LRS' } },
        },
        dataDisks: [
          {
            ...{ lun: 0, name: 'web-data', createOption: 'Attach', caching: 'None', writeAcceleratorEnabled: true },
            ...{ diskIOPSReadWrite: 500, diskMBpsReadWrite: 60, toBeDetached: false, deleteOption: 'Delete' },
            managedDisk: { id: '/disks/web-data' },
          },
          { lun: 4, createOption: 'Attach', managedDisk: { id: '/disks/gone' } },
        ],
      },
      osProfile: { computerName: 'web', adminUsername: 'me' },
      networkProfile: {
        networkInterfaces: [
          { id: '/nics/back', properties: { primary: false, deleteOption: 'Delete' } },
          { id: '/nics/front', properties: { primary: true } },
        ],
      },
      securityProfile: { securityType: 'TrustedLaunch', uefiSettings: { secureBootEnabled: true, vTpmEnabled: true } },
      diagnosticsProfile: { bootDiagnostics: { enabled: true } },
    },
  };

  it('is what it was, around the disks that are given, and nothing of it goes when it goes', () => {
    const [replaced, kept] = ORDER.dataDisks;
    expect(bodyOf(SHOWN).body).toStrictEqual({
      ...{ location: 'westeurope', plan: SHOWN.plan, zones: ['2'] },
      tags: { cost: '7', 'landfall-restore': 'r1' },
      identity: { type: 'SystemAssigned, UserAssigned', userAssignedIdentities: { '/identities/one': {} } },
      properties: {
        ...{ licenseType: 'Windows_Server', userData: 'aGk=', availabilitySet: { id: '/sets/one' } },
        ...{ proximityPlacementGroup: { id: '/ppg' }, hardwareProfile: { vmSize: 'Standard_D4s_v5' } },
        storageProfile: {
          diskControllerType: 'NVMe',
          osDisk: {
            ...{ osType: 'Windows', caching: 'ReadWrite', createOption: 'Attach', deleteOption: 'Detach' },
            managedDisk: { id: ORDER.osDiskId },
          },
          dataDisks: [
            {
              ...{ writeAcceleratorEnabled: true, lun: 0, caching: 'ReadOnly', createOption: 'Attach' },
              ...{ managedDisk: { id: replaced?.diskId }, deleteOption: 'Detach' },
            },
            {
              ...{ lun: 7, caching: 'None', createOption: 'Attach' },
              ...{ managedDisk: { id: kept?.diskId }, deleteOption: 'Detach' },
            },
          ],
        },
        networkProfile: {
          networkInterfaces: [
            { id: '/nics/back', properties: { primary: false, deleteOption: 'Detach' } },
            { id: '/nics/front', properties: { primary: true, deleteOption: 'Detach' } },
          ],
        },
        securityProfile: SHOWN.properties.securityProfile,
        diagnosticsProfile: SHOWN.properties.diagnosticsProfile,
      },
    });
  });

  it('comes with what it leaves out and why', () => {
    const { notSent } = bodyOf(SHOWN);
    expect(notSent.map(({ path }) => path).sort()).toStrictEqual([
      'properties.osProfile',
      'properties.storageProfile.dataDisks[lun 0].name',
      'properties.storageProfile.dataDisks[lun 4]',
      'properties.storageProfile.imageReference',
      'properties.storageProfile.osDisk.diskSizeGB',
      'properties.storageProfile.osDisk.managedDisk.storageAccountType',
      'properties.storageProfile.osDisk.name',
    ]);
    expect(notSent.every(({ why }) => why.length > 10)).toBe(true);
  });

  it('has another size where one is given, and a primary network interface where none was called so', () => {
    const networkProfile = { networkInterfaces: [{ id: '/nics/only' }] };
    const shown = { ...SHOWN, properties: { ...SHOWN.properties, networkProfile } };
    const { hardwareProfile, networkProfile: network } = bodyOf(shown, { size: 'Standard_D8s_v5' }).body[
      'properties'
    ] as Record<string, unknown>;
    expect(hardwareProfile).toStrictEqual({ vmSize: 'Standard_D8s_v5' });
    expect(network).toStrictEqual({
      networkInterfaces: [{ id: '/nics/only', properties: { primary: true, deleteOption: 'Detach' } }],
    });
  });

  it('does not name the plain security type, which newer versions of the API show and not every subscription may send', () => {
    const securityProfile = { securityType: 'Standard', encryptionAtHost: true };
    const made = bodyOf({ ...SHOWN, properties: { ...SHOWN.properties, securityProfile } });
    expect(made.body['properties']).toMatchObject({ securityProfile: { encryptionAtHost: true } });
    expect(JSON.stringify(made.body)).not.toContain('Standard"');
    expect(made.notSent.map(({ path }) => path)).toContain('properties.securityProfile.securityType');
  });

  it('leaves out what nobody has told it about, and says so', () => {
    const made = bodyOf({ ...SHOWN, novelty: 1, properties: { ...SHOWN.properties, constructor: { x: 1 } } });
    expect(Object.keys(made.body)).not.toContain('novelty');
    const paths = made.notSent.map(({ path }) => path);
    expect(paths).toContain('novelty');
    expect(paths).toContain('properties.constructor');
  });
});

describe('of whatever Azure may show of a VM', () => {
  const { shapes } = JSON.parse(
    readFileSync(
      fileURLToPath(new URL('../../../tools/azure-contracts/published-facts.json', import.meta.url)),
      'utf8',
    ),
  ) as { readonly shapes: Readonly<Record<string, Shape>> };

  it('everything is sent, ordered anew, or told; what Azure alone decides never is sent', () => {
    fc.assert(
      fc.property(shown('VirtualMachine', 0).map(withLuns), (model) => {
        const { body, notSent } = bodyOf(model);
        const told = notSent.map(({ path }) => path);
        for (const { path, isReadOnly, value } of leavesOf(model, 'VirtualMachine')) {
          const sent = valueAt(body, path);
          const at = nameOf(path, model);
          if (isReadOnly) expect([at, sent]).toStrictEqual([at, undefined]);
          else if (!ORDERED.test(at) && !told.some((each) => isAtOrBelow(at, each)))
            expect([at, sent]).toStrictEqual([at, value]);
        }
      }),
      { numRuns: 60 },
    );
  });

  function isAtOrBelow(at: string, path: string): boolean {
    return at === path || at.startsWith(`${path}.`) || at.startsWith(`${path}[`);
  }

  /** What the order decides, whatever was there. */
  const ORDERED =
    /^tags\b|^identity\.userAssignedIdentities|\.osDisk\.(createOption|deleteOption|managedDisk\.id)$|dataDisks\[.*\]\.(lun|caching|createOption|deleteOption|toBeDetached|detachOption|managedDisk\.id)$|networkInterfaces\[\d+\]\.properties\./;

  type Shape =
    | 'any'
    | 'boolean'
    | { readonly ref: string }
    | { readonly string: { readonly values?: readonly string[] } }
    | { readonly number: object }
    | { readonly list: Shape }
    | { readonly dictionary: Shape }
    | { readonly members: Readonly<Record<string, readonly [flags: string, shape: Shape]>> };

  /** Any model of the shape, a member of it there or not. */
  function shown(name: string, depth: number): fc.Arbitrary<unknown> {
    return valueOf({ ref: name }, depth);
  }

  function valueOf(shape: Shape, depth: number): fc.Arbitrary<unknown> {
    if (shape === 'any') return fc.constant({ any: 'thing' });
    if (shape === 'boolean') return fc.boolean();
    if ('ref' in shape) return valueOf(shapes[shape.ref] ?? 'any', depth);
    if ('string' in shape) return fc.constantFrom(...(shape.string.values ?? ['text', 'other']));
    if ('number' in shape) return fc.integer({ min: 0, max: 9 });
    if ('list' in shape) return fc.array(valueOf(shape.list, depth + 1), { maxLength: depth > 4 ? 0 : 2 });
    if ('dictionary' in shape)
      return fc.dictionary(fc.constantFrom('one', 'two'), valueOf(shape.dictionary, depth + 1));
    const members = Object.entries(shape.members).filter(() => depth < 7);
    const required = members.filter(([, [flags]]) => flags.includes('r')).map(([member]) => member);
    return fc.record(Object.fromEntries(members.map(([member, [, inner]]) => [member, valueOf(inner, depth + 1)])), {
      requiredKeys: required,
    });
  }

  /** No two disks are at one LUN: the first at one where a disk is ordered, the next at one where none is. */
  function withLuns(model: unknown): object {
    const disks = valueAt(model, ['properties', 'storageProfile', 'dataDisks']);
    for (const [index, disk] of (Array.isArray(disks) ? disks : []).entries())
      (disk as { lun: number }).lun = index * 4;
    return model as object;
  }

  interface Leaf {
    readonly path: readonly (string | number)[];
    readonly isReadOnly: boolean;
    readonly value: unknown;
  }

  function leavesOf(value: unknown, name: string): readonly Leaf[] {
    return under(value, { ref: name }, [], false);
  }

  function under(value: unknown, shape: Shape, path: Leaf['path'], isReadOnly: boolean): readonly Leaf[] {
    if (typeof shape === 'object' && 'ref' in shape) return under(value, shapes[shape.ref] ?? 'any', path, isReadOnly);
    if (typeof shape === 'object' && 'list' in shape && Array.isArray(value))
      return value.flatMap((each, index) => under(each, shape.list, [...path, index], isReadOnly));
    if (typeof shape !== 'object' || !('members' in shape) || typeof value !== 'object' || value === null)
      return [{ path, isReadOnly, value }];
    return Object.entries(value).flatMap(([member, inner]) => {
      const [flags, next] = shape.members[member] ?? ['', 'any' as const];
      return under(inner, next, [...path, member], isReadOnly || flags.includes('o'));
    });
  }

  function valueAt(body: unknown, path: Leaf['path']): unknown {
    return path.reduce<unknown>(
      (at, step) => (typeof at === 'object' && at !== null ? (at as Record<string, unknown>)[step] : undefined),
      body,
    );
  }

  function nameOf(path: Leaf['path'], model: unknown): string {
    return path.reduce<string>((text, step, index) => {
      if (typeof step === 'string') return text === '' ? step : `${text}.${step}`;
      if (path[index - 1] !== 'dataDisks') return `${text}[${step}]`;
      return `${text}[lun ${String(valueAt(model, [...path.slice(0, index + 1), 'lun']))}]`;
    }, '');
  }
});
