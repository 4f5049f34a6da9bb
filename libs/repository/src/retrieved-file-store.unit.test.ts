import { describe, expect, it } from '@jest/globals';
import { RetryableError } from '@landfall/domain';
import { MemoryFileStore } from '@landfall/testing';
import { RetrievedFileStore } from './retrieved-file-store.js';

const AWAY = new RetryableError({ code: 'STORE_UNREACHABLE', message: 'Away.', fix: 'Wait.' });

function stores() {
  const files = { 'data/ab/cold': Buffer.from('cold bytes'), 'data/cd/warm': Buffer.from('warm bytes') };
  const repository = new MemoryFileStore(files);
  repository.archived.add('data/ab/cold');
  const copies = new MemoryFileStore({ 'data/ab/cold': files['data/ab/cold'] });
  return { repository, copies, store: new RetrievedFileStore(repository, copies) };
}

describe('a repository that is read over copies of what is archived', () => {
  it('gives the bytes of both, and asks for what is archived where it is archived once', async () => {
    const { repository, copies, store } = stores();
    expect(String(await store.read('data/cd/warm'))).toBe('warm bytes');
    expect(copies.reads).toStrictEqual([]);
    expect(String(await store.read('data/ab/cold', { offset: 0, length: 4 }))).toBe('cold');
    expect(String(await store.read('data/ab/cold', { offset: 5, length: 5 }))).toBe('bytes');
    expect(repository.reads.filter(({ path }) => path === 'data/ab/cold').length).toBe(1);
  });

  it('says of what is archived and was not copied that it is archived', async () => {
    const { repository, store } = stores();
    repository.archived.add('data/cd/warm');
    await expect(store.read('data/cd/warm')).rejects.toMatchObject({ code: 'FILE_ARCHIVED' });
  });

  it('passes on what else goes wrong, on either side', async () => {
    const { repository, copies, store } = stores();
    copies.failReads('cold', AWAY, 1);
    await expect(store.read('data/ab/cold')).rejects.toBe(AWAY);
    repository.failReads('warm', AWAY, 1);
    await expect(store.read('data/cd/warm')).rejects.toBe(AWAY);
    await expect(store.read('data/ef/none')).rejects.toMatchObject({ code: 'FILE_NOT_FOUND' });
  });

  it('lists the files of the repository', async () => {
    const paths: string[] = [];
    for await (const { path } of stores().store.list('data')) paths.push(path);
    expect(paths.sort()).toStrictEqual(['data/ab/cold', 'data/cd/warm']);
  });
});
