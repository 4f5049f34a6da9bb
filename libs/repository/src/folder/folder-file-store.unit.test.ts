import { describe, expect, test } from '@jest/globals';
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { LandfallError, PermanentError } from '@landfall/domain';
import { fileStoreContract } from '@landfall/testing/contracts';
import { storeFailure } from './folder-errors.js';
import { FolderFileStore } from './folder-file-store.js';

async function temporaryFolder(files: Readonly<Record<string, Uint8Array>> = {}) {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'landfall-folder-'));
  for (const [name, bytes] of Object.entries(files)) {
    await mkdir(path.dirname(path.join(folder, name)), { recursive: true });
    await writeFile(path.join(folder, name), bytes);
  }
  return { folder, dispose: () => rm(folder, { recursive: true }) };
}

fileStoreContract('FolderFileStore', {
  make: async (files) => {
    const { folder, dispose } = await temporaryFolder(files);
    return { store: new FolderFileStore(folder), dispose };
  },
  makeMissing: async () => {
    const { folder, dispose } = await temporaryFolder();
    return { store: new FolderFileStore(path.join(folder, 'gone')), dispose };
  },
});

describe('FolderFileStore', () => {
  const hasCode = (code: string) => (error: unknown) => error instanceof PermanentError && error.code === code;

  test('does not leave its folder by paths that climb or are absolute', async () => {
    const { folder, dispose } = await temporaryFolder({
      'repository/config': Buffer.from('in'),
      secret: Buffer.from('out'),
    });
    const store = new FolderFileStore(path.join(folder, 'repository'));
    for (const attempt of [
      '../secret',
      'data/../../secret',
      path.join(folder, 'secret'),
      './config',
      'a//b',
      'a\\b',
      'a\0b',
    ]) {
      await assert.rejects(store.read(attempt), hasCode('PATH_INVALID'), attempt);
    }
    await dispose();
  });

  test('does not follow links out of its folder, and does follow links within it', async () => {
    const { folder, dispose } = await temporaryFolder({
      'repository/data/aa/pack': Buffer.from('in'),
      'secrets/key': Buffer.from('out'),
    });
    const root = path.join(folder, 'repository');
    await symlink(path.join(folder, 'secrets'), path.join(root, 'keys'));
    await symlink(path.join(folder, 'secrets/key'), path.join(root, 'config'));
    await symlink(path.join(root, 'data/aa'), path.join(root, 'data/bb'));
    const store = new FolderFileStore(root);
    await assert.rejects(store.read('keys/key'), hasCode('STORE_DENIED'));
    await assert.rejects(store.read('config'), hasCode('STORE_DENIED'));
    expect((await store.read('data/bb/pack')).toString()).toBe('in');
    await dispose();
  });

  test('may itself be reached through a link', async () => {
    const { folder, dispose } = await temporaryFolder({ 'repository/config': Buffer.from('in') });
    await symlink(path.join(folder, 'repository'), path.join(folder, 'link'));
    expect((await new FolderFileStore(path.join(folder, 'link')).read('config')).toString()).toBe('in');
    await dispose();
  });

  test('says FILE_NOT_FOUND where a directory is in the place of a file', async () => {
    const { folder, dispose } = await temporaryFolder({ 'data/aa/pack': Buffer.from('x') });
    await assert.rejects(new FolderFileStore(folder).read('data/aa'), hasCode('FILE_NOT_FOUND'));
    await dispose();
  });

  test('takes a refusal for permanent and trouble with the disk for passing', () => {
    const kind = (code: string): LandfallError =>
      storeFailure('here', 'config', Object.assign(new Error(code), { code }));
    expect([kind('EACCES').code, kind('EACCES').kind]).toStrictEqual(['STORE_DENIED', 'permanent']);
    expect(kind('EACCES').facts).toStrictEqual({ file: 'config', system: 'EACCES' });
    expect([kind('EIO').code, kind('EIO').kind]).toStrictEqual(['STORE_UNREACHABLE', 'retryable']);
    expect([kind('ESTALE').code, kind('ESTALE').kind]).toStrictEqual(['STORE_UNREACHABLE', 'retryable']);
  });
});
