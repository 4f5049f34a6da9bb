import assert from 'node:assert/strict';
import { beforeEach, describe, it, mock } from 'node:test';
import { PermanentError, SEALING_CONTEXT, Secret } from '@landfall/domain';
import { MemoryBackupRepository, MemoryCatalogue, MemorySecretBox } from '@landfall/testing';
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
    assert.equal(opened.length, 1);
    assert.equal(opened[0]?.access.store.description, '/backups/backups');
    assert.equal(opened[0].access.password?.reveal(), 'pass');
  });

  it('are opened anew after five minutes, and when asked to', async () => {
    await repositories.use('backups', nothing);
    now = 5 * MINUTE - 1;
    await repositories.use('backups', nothing);
    assert.equal(opened.length, 1);
    now = 5 * MINUTE;
    await repositories.use('backups', nothing);
    assert.equal(opened.length, 2);
    await repositories.use('backups', nothing, { fresh: true });
    assert.equal(opened.length, 3);
    assert.deepEqual(
      opened.map(({ repository }) => repository.closed),
      [true, true, false],
    );
  });

  it('are closed after five minutes though nobody asks for them again', async () => {
    mock.timers.enable({ apis: ['setTimeout'] });
    try {
      await repositories.use('backups', nothing);
      mock.timers.tick(5 * MINUTE - 1);
      await nothing();
      assert.equal(opened[0]?.repository.closed, false);
      mock.timers.tick(1);
      await new Promise(setImmediate);
      assert.equal(opened[0].repository.closed, true);
    } finally {
      mock.timers.reset();
    }
  });

  it('are opened anew under a name that was given to another place', async () => {
    await repositories.use('backups', nothing);
    await catalogue.removeRepository('backups');
    await add('backups', 'pass', '/elsewhere');
    await repositories.use('backups', nothing);
    assert.equal(opened[1]?.access.store.description, '/elsewhere');
  });

  it('stay open until their last user is done', async () => {
    let closedInside: boolean | undefined;
    await repositories.use('backups', async () => {
      await repositories.use('backups', nothing, { fresh: true });
      closedInside = opened[0]?.repository.closed;
    });
    assert.equal(closedInside, false);
    assert.equal(opened[0]?.repository.closed, true);
  });

  it('are not kept where opening failed', async () => {
    failure = new PermanentError({ code: 'REPOSITORY_PASSWORD_WRONG', message: 'No key opens.', fix: 'Try another.' });
    await assert.rejects(repositories.use('backups', nothing), { code: 'REPOSITORY_PASSWORD_WRONG' });
    failure = null;
    await repositories.use('backups', nothing);
    assert.equal(opened.length, 1);
  });

  it('are opened anew, once, where something is missing that a newer index may have', async () => {
    await repositories.use('backups', nothing);
    let tries = 0;
    const found = await repositories.useAsItIsNow('backups', async () => {
      tries += 1;
      if (opened.length === 1) throw missing('IMAGE_NOT_FOUND');
      return 'found';
    });
    assert.deepEqual([found, tries, opened.length], ['found', 2, 2]);
    const stillMissing = repositories.useAsItIsNow('backups', () => Promise.reject(missing('IMAGE_NOT_FOUND')));
    await assert.rejects(stillMissing, { code: 'IMAGE_NOT_FOUND' });
    assert.equal(opened.length, 3);
    const other = repositories.useAsItIsNow('backups', () => Promise.reject(missing('DISK_NOT_FOUND')));
    await assert.rejects(other, { code: 'DISK_NOT_FOUND' });
    assert.equal(opened.length, 3);
  });

  it('are four at most; the one that was opened first is closed', async () => {
    for (const name of ['b', 'c', 'd', 'e']) await add(name, 'pass');
    for (const name of ['backups', 'b', 'c', 'd', 'e']) await repositories.use(name, nothing);
    assert.deepEqual(
      opened.map(({ repository }) => repository.closed),
      [true, false, false, false, false],
    );
  });

  it('are all closed at the end', async () => {
    await repositories.use('backups', nothing);
    await repositories.close();
    assert.equal(opened[0]?.repository.closed, true);
  });

  it('that do not exist are named', async () => {
    await assert.rejects(repositories.use('nosuch', nothing), { code: 'REPOSITORY_UNKNOWN', message: /"nosuch"/ });
  });
});

function missing(code: string): PermanentError {
  return new PermanentError({ code, message: 'It is not there.', fix: 'Look for it.' });
}
