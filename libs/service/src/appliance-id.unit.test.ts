import { describe, expect, it } from '@jest/globals';
import { RetryableError } from '@landfall/domain';
import { MemoryKeptApplianceId } from '@landfall/testing';
import { applianceIdOf } from './appliance-id.js';

const UNREACHABLE = new RetryableError({ code: 'INSTANCE_METADATA_UNREACHABLE', message: 'Silent.', fix: 'Set it.' });
const on = (vm: string) => () => Promise.resolve(vm);
const nowhere = () => Promise.reject(UNREACHABLE);

describe("the appliance's id", () => {
  it('is that of the VM where none is given, and stays it on another VM and without metadata', async () => {
    const kept = new MemoryKeptApplianceId();
    expect(await applianceIdOf({ given: undefined, kept, vmId: on('vm-1') })).toBe('vm-1');
    expect(await applianceIdOf({ given: undefined, kept, vmId: on('vm-2') })).toBe('vm-1');
    expect(await applianceIdOf({ given: undefined, kept, vmId: nowhere })).toBe('vm-1');
  });

  it('is the given one, without a question to the metadata, and stays it once it is left out', async () => {
    const kept = new MemoryKeptApplianceId();
    expect(await applianceIdOf({ given: 'mine', kept, vmId: nowhere })).toBe('mine');
    expect(await applianceIdOf({ given: 'mine', kept, vmId: nowhere })).toBe('mine');
    expect(await applianceIdOf({ given: undefined, kept, vmId: on('vm-1') })).toBe('mine');
  });

  it('may be given as what was kept before', async () => {
    const kept = new MemoryKeptApplianceId();
    await applianceIdOf({ given: undefined, kept, vmId: on('vm-1') });
    expect(await applianceIdOf({ given: 'vm-1', kept, vmId: nowhere })).toBe('vm-1');
  });

  it('is refused where another one is kept, which stays', async () => {
    const kept = new MemoryKeptApplianceId();
    await kept.keep('vm-1');
    await expect(applianceIdOf({ given: 'mine', kept, vmId: nowhere })).rejects.toMatchObject({
      ...{ code: 'CONFIG_INVALID', message: expect.stringMatching(/"mine".*"vm-1".*foreign/) },
      fix: expect.stringContaining('"vm-1"'),
    });
    expect(await kept.read()).toBe('vm-1');
  });

  it('is refused where it comes second to another one that was kept at the same time', async () => {
    const kept = new MemoryKeptApplianceId();
    await kept.keep('vm-1');
    const late = {
      read: () => Promise.resolve(null),
      anythingMade: () => Promise.resolve(false),
      keep: (id: string) => kept.keep(id),
    };
    await expect(applianceIdOf({ given: 'mine', kept: late, vmId: nowhere })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
    });
    expect(await applianceIdOf({ given: undefined, kept: late, vmId: on('vm-2') })).toBe('vm-1');
  });

  it('is not that of the VM where things were made under one that is not kept yet', async () => {
    const kept = new MemoryKeptApplianceId();
    kept.made = true;
    await expect(applianceIdOf({ given: undefined, kept, vmId: on('vm-1') })).rejects.toMatchObject({
      ...{ code: 'CONFIG_INVALID', fix: expect.stringContaining('Set LANDFALL_APPLIANCE_ID once more') },
    });
    expect(await kept.read()).toBe(null);
    expect(await applianceIdOf({ given: 'mine', kept, vmId: nowhere })).toBe('mine');
    expect(await applianceIdOf({ given: undefined, kept, vmId: on('vm-1') })).toBe('mine');
  });

  it('is unknown where none is given or kept and the metadata is silent, and none is made up', async () => {
    const kept = new MemoryKeptApplianceId();
    await expect(applianceIdOf({ given: undefined, kept, vmId: nowhere })).rejects.toBe(UNREACHABLE);
    expect(await kept.read()).toBe(null);
  });
});
