import { describe, expect, it } from '@jest/globals';
import type { SavedResource, SavedVm } from '@landfall/domain';
import { fidelity } from './fidelity.js';

const GROUP = '/subscriptions/s/resourceGroups/apps/providers';
const VM = `${GROUP}/Microsoft.Compute/virtualMachines/web`;

function saved(azureId: string, body: Readonly<Record<string, unknown>>): SavedResource {
  return { azureId, apiVersion: '2026-04-01', body };
}

function machine(properties: object, changes: Partial<SavedVm> = {}): SavedVm {
  return { vm: saved(VM, { properties }), disks: [], nics: [], publicIps: [], extensions: [], ...changes };
}

const withDisks = (...dataDisks: object[]) => machine({ storageProfile: { dataDisks } });

describe('what came back other than it was', () => {
  it('is nothing where only the order of disks, the case of ids and what Azure counts differ', () => {
    const disk = (lun: number, name: string) => ({ lun, managedDisk: { id: `${GROUP}/disks/${name}` } });
    const before = withDisks(disk(3, 'a'), disk(9, 'b'));
    const after = withDisks(disk(9, 'B'), disk(3, 'A'));
    expect(fidelity(before, after, [])).toStrictEqual([]);
    const nic = (etag: string) => [saved(`${GROUP}/nics/one`, { etag, properties: { resourceGuid: etag } })];
    expect(fidelity(machine({}, { nics: nic('1') }), machine({}, { nics: nic('2') }), [])).toStrictEqual([]);
  });

  it('is told with its values as JSON, and with the reason for which it was not sent', () => {
    const before = withDisks({ lun: 9, name: 'web-data', managedDisk: { storageAccountType: 'Premium_LRS' } });
    const after = withDisks({ lun: 9, name: 'web-data-r1', managedDisk: { storageAccountType: 'StandardSSD_LRS' } });
    const path = 'properties.storageProfile.dataDisks[lun 9].managedDisk.storageAccountType';
    expect(fidelity(before, after, [{ path, why: 'follows from the disk' }])).toStrictEqual([
      {
        ...{ path: `vm.${path}`, why: 'follows from the disk' },
        ...{ before: '"Premium_LRS"', after: '"StandardSSD_LRS"' },
      },
      {
        ...{ path: 'vm.properties.storageProfile.dataDisks[lun 9].name', before: '"web-data"', after: '"web-data-r1"' },
        why: expect.stringMatching(/restored one/),
      },
    ]);
  });

  it('is told of what was sent whole and below it', () => {
    const before = machine({ osProfile: { computerName: 'web', secrets: [{ url: 'x' }] } });
    const paths = fidelity(before, machine({}), [{ path: 'properties.osProfile', why: 'not taken' }]);
    expect(paths.map(({ path, why }) => [path, why])).toStrictEqual([
      ['vm.properties.osProfile.computerName', 'not taken'],
      ['vm.properties.osProfile.secrets[0].url', 'not taken'],
    ]);
  });

  it('shows nothing of what may hold a secret of the owner’s', () => {
    const extension = (settings: unknown) => ({
      extensions: [saved(`${VM}/extensions/Script`, { properties: { settings, protectedSettingsFromKeyVault: 'k' } })],
    });
    const before = machine({ userData: 'canary' }, extension([{ command: 'canary' }]));
    const told = fidelity(before, machine({ userData: 'other' }), []);
    expect(told.map(({ path }) => path)).toStrictEqual([
      'extensions[script].properties.protectedSettingsFromKeyVault',
      'extensions[script].properties.settings[0].command',
      'vm.properties.userData',
    ]);
    for (const { before: was, after } of told) expect([was, after]).toStrictEqual([null, null]);
    expect(told[0]?.why).toMatch(/Extensions go with the machine/);
  });

  it('says why a part has a delete option of which nothing was said, and explains no other change of one', () => {
    const withOption = (deleteOption?: string) => withDisks({ lun: 0, ...(deleteOption ? { deleteOption } : {}) });
    const why = (before?: string, after?: string) => fidelity(withOption(before), withOption(after), [])[0]?.why;
    expect(why(undefined, 'Detach')).toMatch(/^Nothing was said of it before/);
    expect(why('Delete', 'Detach')).toMatch(/^Not known/);
    expect(why(undefined, 'Delete')).toMatch(/^Not known/);
    expect(why('Delete', undefined)).toMatch(/^Not known/);
  });

  it('is unexplained where nobody knows why', () => {
    const [only] = fidelity(machine({ licenseType: 'Windows_Server' }), machine({}), []);
    expect(only).toMatchObject({ path: 'vm.properties.licenseType', after: null });
    expect(only?.why).toMatch(/^Not known/);
  });
});
