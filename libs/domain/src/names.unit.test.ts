import { describe, expect, it } from '@jest/globals';
import {
  azureDiskName,
  vmNameOf,
  newRestoreId,
  resourceGroupNameProblem,
  STAGING_GROUP,
  stagingGroupName,
  vmNameProblem,
} from './index.js';

describe('names', () => {
  it('gives every restore an id that is fit for Azure names and that no two share', () => {
    const ids = new Set(Array.from({ length: 2_000 }, newRestoreId));
    expect(ids.size).toBe(2_000);
    for (const id of ids) expect(id).toMatch(/^r[a-z2-9]{11}$/);
  });

  it('makes the same disk name for the same restore, at most 80 characters long', () => {
    const long = 'x'.repeat(200);
    expect(azureDiskName(long, 'rabc')).toBe(azureDiskName(long, 'rabc'));
    expect(azureDiskName(long, 'rabc').length).toBe(80);
    expect(azureDiskName('web 1/os', 'rabc')).toBe('web-1-os-rabc');
  });

  it('gives every restore a staging group of its own, that begins as a plan says', () => {
    const id = newRestoreId();
    expect(stagingGroupName(id)).toBe(`${STAGING_GROUP}-${id}`);
    expect(resourceGroupNameProblem(stagingGroupName(id))).toBe(null);
  });

  for (const name of ['a', 'web-1', 'A.b_c', 'x'.repeat(64), 'ends_']) {
    it(`allows ${JSON.stringify(name)} as a VM name`, () => expect(vmNameProblem(name)).toBe(null));
  }

  it('makes a VM name that Azure takes of the path that a machine is called by, and leaves other names alone', () => {
    expect(vmNameOf('hv1:/srv/vm/disk.raw')).toBe('hv1-srv-vm-disk.raw');
    for (const name of ['/', '../..', `/${'x'.repeat(200)}`, `${'x'.repeat(62)}/- y`, 'C:\\VMs\\', '/日本語']) {
      expect(vmNameProblem(vmNameOf(name))).toBe(null);
    }
    expect(vmNameOf('web server')).toBe('web server');
  });

  for (const name of ['', '-a', '_a', 'a-', 'a.', 'a b', 'ä', 'x'.repeat(65), 'a/b']) {
    it(`refuses ${JSON.stringify(name)} as a VM name and says why`, () => expect(vmNameProblem(name)).not.toBe(null));
  }

  it('refuses a resource group name that ends with a full stop', () => {
    expect(resourceGroupNameProblem('rg.')).toBe('it must not end with "."');
    expect(resourceGroupNameProblem('rg (1)')).toBe('Azure allows letters, digits, ".", "_", "-" and parentheses only');
    expect(resourceGroupNameProblem('rg(1)')).toBe(null);
  });
});
