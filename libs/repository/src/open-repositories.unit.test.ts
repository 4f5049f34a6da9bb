import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import assert from 'node:assert/strict';
import { PermanentError, SEALING_CONTEXT, Secret } from '@landfall/domain';
import { MemoryBackupRepository, MemoryCatalogue, MemorySecretBox } from '@landfall/testing';
import { fakeOnly } from '@landfall/testing/fake-timers';
import type { OpenRepository } from './open.js';
import { OpenRepositories } from './open-repositories.js';

const MINUTE = 60_000;

describe('the repositories that are open', () => {
  let catalogue: MemoryCatalogue;
  let secrets: MemorySecretBox;
  let opened: { access: OpenRepository; repository: MemoryBackupRepository }[];
  let now: number;
  let failure: Error | null;
  let repositories: OpenRepositories;

  const add = async (name: string, password: string, url = `/backups/${name}`): Promise<void> => {
    const sealedPassword = secrets.seal(new Secret(password), SEALING_CONTEXT.repositoryPassword(name));
    await catalogue.addRepository({ name, kind: 'restic', url, hostedByProvider: false, sealedPassword });
  };
  const nothing = async (): Promise<void> => undefined;

  beforeEach(async () => {
    catalogue = new MemoryCatalogue();
    secrets = new MemorySecretBox();
    opened = [];
    now = 0;
    failure = null;
    repositories = new OpenRepositories(
      { catalogue, secrets, blobStoreAt: (url) => assert.fail(`${url} is no blob`) },
      () => now,
      async (access) => {
        if (failure !== null) throw failure;
        const repository = new MemoryBackupRepository();
        opened.push({ access, repository });
        return repository;
      },
    );
    await add('backups', 'pass');
  });

  it('are opened with their own place and password, once for several uses', async () => {
    await Promise.all([repositories.use('backups', nothing), repositories.use('backups', nothing)]);
    await repositories.use('backups', nothing);
    expect(opened.length).toBe(1);
    expect(opened[0]?.access.store.description).toBe('/backups/backups');
    expect(opened[0]!.access.password?.reveal()).toBe('pass');
  });

  it('are opened anew after five minutes, and when asked to', async () => {
    await repositories.use('backups', nothing);
    now = 5 * MINUTE - 1;
    await repositories.use('backups', nothing);
    expect(opened.length).toBe(1);
    now = 5 * MINUTE;
    await repositories.use('backups', nothing);
    expect(opened.length).toBe(2);
    await repositories.use('backups', nothing, { fresh: true });
    expect(opened.length).toBe(3);
    expect(opened.map(({ repository }) => repository.closed)).toStrictEqual([true, true, false]);
  });

  it('are closed after five minutes though nobody asks for them again', async () => {
    fakeOnly('setTimeout', 'clearTimeout');
    try {
      await repositories.use('backups', nothing);
      jest.advanceTimersByTime(5 * MINUTE - 1);
      await nothing();
      expect(opened[0]?.repository.closed).toBe(false);
      jest.advanceTimersByTime(1);
      await new Promise(setImmediate);
      expect(opened[0]!.repository.closed).toBe(true);
    } finally {
      jest.useRealTimers();
    }
  });

  it('are opened anew under a name that was given to another place', async () => {
    await repositories.use('backups', nothing);
    await catalogue.removeRepository('backups');
    await add('backups', 'pass', '/elsewhere');
    await repositories.use('backups', nothing);
    expect(opened[1]?.access.store.description).toBe('/elsewhere');
  });

  it('stay open until their last user is done', async () => {
    let closedInside: boolean | undefined;
    await repositories.use('backups', async () => {
      await repositories.use('backups', nothing, { fresh: true });
      closedInside = opened[0]?.repository.closed;
    });
    expect(closedInside).toBe(false);
    expect(opened[0]?.repository.closed).toBe(true);
  });

  it('are not kept where opening failed', async () => {
    failure = new PermanentError({ code: 'REPOSITORY_PASSWORD_WRONG', message: 'No key opens.', fix: 'Try another.' });
    await expect(repositories.use('backups', nothing)).rejects.toMatchObject({ code: 'REPOSITORY_PASSWORD_WRONG' });
    failure = null;
    await repositories.use('backups', nothing);
    expect(opened.length).toBe(1);
  });

  it('are opened anew, once, where something is missing that a newer index may have', async () => {
    await repositories.use('backups', nothing);
    let tries = 0;
    const found = await repositories.useAsItIsNow('backups', async () => {
      tries += 1;
      if (opened.length === 1) throw missing('IMAGE_NOT_FOUND');
      return 'found';
    });
    expect([found, tries, opened.length]).toStrictEqual(['found', 2, 2]);
    const stillMissing = repositories.useAsItIsNow('backups', () => Promise.reject(missing('IMAGE_NOT_FOUND')));
    await expect(stillMissing).rejects.toMatchObject({ code: 'IMAGE_NOT_FOUND' });
    expect(opened.length).toBe(3);
    const other = repositories.useAsItIsNow('backups', () => Promise.reject(missing('DISK_NOT_FOUND')));
    await expect(other).rejects.toMatchObject({ code: 'DISK_NOT_FOUND' });
    expect(opened.length).toBe(3);
  });

  it('are four at most; the one that was opened first is closed', async () => {
    for (const name of ['b', 'c', 'd', 'e']) await add(name, 'pass');
    for (const name of ['backups', 'b', 'c', 'd', 'e']) await repositories.use(name, nothing);
    expect(opened.map(({ repository }) => repository.closed)).toStrictEqual([true, false, false, false, false]);
  });

  it('are all closed at the end', async () => {
    await repositories.use('backups', nothing);
    await repositories.close();
    expect(opened[0]?.repository.closed).toBe(true);
  });

  it('that do not exist are named', async () => {
    await expect(repositories.use('nosuch', nothing)).rejects.toMatchObject({
      code: 'REPOSITORY_UNKNOWN',
      message: expect.stringMatching(/"nosuch"/),
    });
  });
});

function missing(code: string): PermanentError {
  return new PermanentError({ code, message: 'It is not there.', fix: 'Look for it.' });
}
