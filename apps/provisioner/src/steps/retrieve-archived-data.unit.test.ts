import { beforeEach, describe, expect, it } from '@jest/globals';
import { RetryableError, type Work } from '@landfall/domain';
import type { StepContext } from '@landfall/pipeline';
import { aRestorePlan, MemoryArchiveCopies, MemoryJournal } from '@landfall/testing';
import { retrieveArchivedData } from './retrieve-archived-data.js';

const FILES = ['data/ab/one', 'data/cd/two', 'data/ef/three'].map((path, at) => ({ path, sizeBytes: at + 1 }));
const HOUR_MS = 3_600_000;

const retrievals = {
  retrieval: async (restoreId: string) =>
    restoreId === 'r1' ? { url: 'azure://backups/copies', files: FILES, keepHours: 72 } : null,
};
let copies: MemoryArchiveCopies;
let events: string[];
const startedAt = new Date('2026-03-01T10:00:00Z');
let now: Date;

beforeEach(() => {
  copies = new MemoryArchiveCopies(FILES.map((file) => ({ ...file, archived: true })));
  events = [];
  now = startedAt;
});

function run(restoreId = 'r1') {
  const retrieval = { objects: 3, bytes: 6, priority: 'high', hours: 1, keepHours: 72 } as const;
  const works = [{ id: 'retrieve-archived-data', startedAt } as Work];
  const context = {
    restore: { id: restoreId, works },
    plan: { ...aRestorePlan(), retrieval },
    signal: new AbortController().signal,
    journal: new MemoryJournal(restoreId),
    event: async (kind: string) => void events.push(kind),
  } as unknown as StepContext;
  return retrieveArchivedData({ retrievals, copiesOf: async () => copies, now: async () => now, lookEveryMs: 7_000 })(
    context,
  );
}

const pending = { kind: 'waiting', code: 'RETRIEVAL_PENDING', retryAfterMs: 7_000 };

describe('step 1, retrieve-archived-data', () => {
  it('asks once for what is archived, waits without holding a job, and ends when all of it is there', async () => {
    for (let time = 0; time < 3; time += 1) await expect(run()).rejects.toMatchObject(pending);
    expect(copies.begun).toStrictEqual(FILES.map(({ path }) => `high ${path}`));
    copies.settle('there', ['data/ab/one']);
    await expect(run()).rejects.toMatchObject({ ...pending, message: expect.stringMatching(/^1 of 3/) });
    copies.settle('there');
    expect(await run()).toStrictEqual({ kind: 'done', output: { objects: 3 } });
    expect(await run()).toStrictEqual({ kind: 'done', output: { objects: 3 } });
    expect(copies.begun.length).toBe(3);
    expect(events).toStrictEqual(['archive.asked', 'archive.retrieved', 'archive.retrieved']);
  });

  it('asks anew for a copy that will never be there, and for what an earlier run did not come to', async () => {
    await expect(run()).rejects.toMatchObject(pending);
    copies.settle('failed', ['data/cd/two']);
    copies.copies.delete('data/ef/three');
    await expect(run()).rejects.toMatchObject(pending);
    expect(copies.begun.slice(3)).toStrictEqual(['high data/cd/two', 'high data/ef/three']);
  });

  it('leaves it to a person when it takes three times as long as Azure promises', async () => {
    await expect(run()).rejects.toMatchObject(pending);
    now = new Date(startedAt.getTime() + 3 * HOUR_MS);
    await expect(run()).rejects.toMatchObject(pending);
    now = new Date(now.getTime() + 1_000);
    await expect(run()).rejects.toMatchObject({ kind: 'retryable', code: 'RETRIEVAL_OVERDUE' });
    copies.settle('there');
    expect((await run()).kind).toBe('done');
  });

  it('passes on that the store is out of reach, and asks for the rest the next time', async () => {
    copies.failure = new RetryableError({ code: 'STORE_UNREACHABLE', message: 'Away.', fix: 'Wait.' });
    await expect(run()).rejects.toMatchObject({ code: 'STORE_UNREACHABLE' });
    await expect(run()).rejects.toMatchObject(pending);
    expect(copies.begun.length).toBe(3);
  });

  it('has nothing to do where nothing is archived', async () => {
    expect(await run('another')).toStrictEqual({ kind: 'done', output: { objects: 0 } });
    expect(copies.begun).toStrictEqual([]);
  });
});
