import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { azureDiskName, newRestoreId, resourceGroupNameProblem, vmNameProblem } from './index.js';

describe('names', () => {
  it('gives every restore an id that is fit for Azure names and that no two share', () => {
    const ids = new Set(Array.from({ length: 2_000 }, newRestoreId));
    assert.equal(ids.size, 2_000);
    for (const id of ids) assert.match(id, /^r[a-z2-9]{11}$/);
  });

  it('makes the same disk name for the same restore, at most 80 characters long', () => {
    const long = 'x'.repeat(200);
    assert.equal(azureDiskName(long, 'rabc'), azureDiskName(long, 'rabc'));
    assert.equal(azureDiskName(long, 'rabc').length, 80);
    assert.equal(azureDiskName('web 1/os', 'rabc'), 'web-1-os-rabc');
  });

  for (const name of ['a', 'web-1', 'A.b_c', 'x'.repeat(64), 'ends_']) {
    it(`allows ${JSON.stringify(name)} as a VM name`, () => assert.equal(vmNameProblem(name), null));
  }

  for (const name of ['', '-a', '_a', 'a-', 'a.', 'a b', 'ä', 'x'.repeat(65), 'a/b']) {
    it(`refuses ${JSON.stringify(name)} as a VM name and says why`, () => assert.notEqual(vmNameProblem(name), null));
  }

  it('refuses a resource group name that ends with a full stop', () => {
    assert.equal(resourceGroupNameProblem('rg.'), 'it must not end with "."');
    assert.equal(
      resourceGroupNameProblem('rg (1)'),
      'Azure allows letters, digits, ".", "_", "-" and parentheses only',
    );
    assert.equal(resourceGroupNameProblem('rg(1)'), null);
  });
});
