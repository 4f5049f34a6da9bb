import { describe, expect, it } from '@jest/globals';
import { SEALING_CONTEXT, Secret, type CallJournal, type DiskAccess, type LockedRestore } from '@landfall/domain';
import { MemoryDiskAccesses, MemorySecretBox } from '@landfall/testing';
import { directDisks } from './direct-disks.js';

const journal = {} as CallJournal;
const TOMORROW = new Date(Date.now() + 24 * 3_600_000);

const restoreIn = (epoch: number) =>
  ({
    id: 'r1',
    plan: null,
    disks: [{ name: 'sda', azureId: 'sda' }],
    works: [{ direction: 'forward', id: 'restore-data', epoch }],
  }) as unknown as LockedRestore;

/** One disk in this state, whose accesses somebody else changes by `meanwhile` while Azure or the disk is waited for. */
function scene(diskState: string, meanwhile: (accesses: MemoryDiskAccesses) => Promise<unknown> = async () => null) {
  const accesses = new MemoryDiskAccesses();
  const secrets = new MemorySecretBox();
  const calls: string[] = [];
  const grant = async (what: string): Promise<string> => {
    calls.push(what);
    await meanwhile(accesses);
    return `https://disks.example/sda?${what}`;
  };
  const direct = directDisks({
    accesses,
    secrets,
    cloud: {
      reader: { disk: async () => ({ diskState }) as never },
      disks: {
        grantWrite: () => grant('grant writing'),
        grantRead: () => grant('grant reading'),
        revokeAccess: async () => void calls.push('revoke'),
      },
    },
    finishUpload: async () => void (await meanwhile(accesses)),
  });
  return { accesses, calls, direct, secrets };
}

const access = (purpose: DiskAccess['purpose'], sealedUrl: string, stepEpoch = 1): DiskAccess => ({
  ...{ restoreId: 'r1', diskName: 'sda', purpose, stepEpoch, sealedUrl, expiresAt: TOMORROW },
});

describe('the access to a disk that is written directly', () => {
  it('is not entered over one that somebody else has entered meanwhile', async () => {
    const theirs = access('write', 'sealed:theirs');
    const { accesses, direct } = scene('ReadyToUpload', (books) => books.put(theirs, null));
    await expect(direct.open(restoreIn(1), journal)).rejects.toMatchObject({
      code: 'ACCESS_CHANGED',
      kind: 'retryable',
    });
    expect(await accesses.access('r1', 'sda')).toStrictEqual(theirs);
  });

  it('is struck off as the one that was read, and no other', async () => {
    const reading = access('read', 'sealed:theirs');
    const { accesses, direct, secrets } = scene('ActiveUpload', (books) => books.put(reading, writing));
    const url = new Secret('https://disks.example/sda?writing');
    const writing = access('write', secrets.seal(url, SEALING_CONTEXT.diskAccess('r1', 'sda')));
    await accesses.put(writing, null);
    await expect(direct.seal(restoreIn(1), journal)).rejects.toMatchObject({
      code: 'ACCESS_CHANGED',
      kind: 'retryable',
    });
    expect(await accesses.access('r1', 'sda')).toStrictEqual(reading);
  });

  it('is granted anew in the last two hours before it runs out, and not earlier', async () => {
    for (const [hours, expected] of [
      [3, []],
      [1, ['revoke', 'grant reading']],
    ] as const) {
      const { accesses, calls, direct } = scene('ActiveSAS');
      const expiresAt = new Date(Date.now() + hours * 3_600_000);
      await accesses.put({ ...access('read', 'sealed'), expiresAt }, null);
      await direct.keepOpen(restoreIn(1), journal);
      expect(calls).toStrictEqual(expected);
    }
  });

  it('is granted anew for reading in another run of the step, because it may be void, and left alone in its own', async () => {
    const { accesses, calls, direct } = scene('ActiveSAS');
    await accesses.put(access('read', 'sealed:of run 1', 1), null);
    await direct.open(restoreIn(1), journal);
    expect(calls).toStrictEqual([]);
    await direct.open(restoreIn(2), journal);
    expect(calls).toStrictEqual(['revoke', 'grant reading']);
    expect((await accesses.access('r1', 'sda'))?.stepEpoch).toBe(2);
  });
});
