import { beforeEach, describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import {
  PermanentError,
  RetryableError,
  wholeImage,
  type DamagedRange,
  type DiskIngredients,
  type FailedSegment,
  type SegmentError,
} from '@landfall/domain';
import { OpenRepositories } from '@landfall/repository';
import { MemoryBackupRepository, MemoryCatalogue, MemorySecretBox } from '@landfall/testing';
import { answerDamage } from './look-at-damage.js';

const MIB = 1024 * 1024;
const signal = new AbortController().signal;
const INGREDIENTS: DiskIngredients = {
  recipe: wholeImage('sda', 8 * MIB),
  source: { repository: 'backups', images: [{ name: 'sda', location: 'point:sda', sizeBytes: 8 * MIB }] },
};

function failed(error: Partial<SegmentError>, diskName = 'sda'): FailedSegment {
  return {
    segment: {
      ...{ id: 's1', restoreId: 'r1', diskName, purpose: 'move', index: 1, offsetBytes: 4 * MIB, lengthBytes: 2 * MIB },
      ...{ dataBytes: 1, state: 'failed', epoch: 1, attempts: 0, mover: null },
    },
    error: { code: 'BLOB_CORRUPT', message: 'It is damaged.', fix: 'Repair it.', ...error },
  };
}

describe('what is told of the damage of a restore', () => {
  let segments: FailedSegment[];
  let repositories: OpenRepositories;
  let refusal: Error | null;
  const look = (): Promise<readonly DamagedRange[]> =>
    answerDamage(
      {
        failedSegments: async () => segments,
        ingredients: async (_restore, disk) => (disk === 'sda' ? INGREDIENTS : null),
        patches: async () => new Map(),
      },
      repositories,
    )({ restoreId: 'r1' }, signal) as Promise<readonly DamagedRange[]>;

  beforeEach(async () => {
    refusal = null;
    const catalogue = new MemoryCatalogue();
    await catalogue.addRepository({
      ...{ name: 'backups', kind: 'restic', url: '/srv/backups', hostedByProvider: false, sealedPassword: null },
    });
    const repository = new MemoryBackupRepository();
    repository.addPoint('point', { sda: Buffer.alloc(8 * MIB) });
    repositories = new OpenRepositories(
      { catalogue, secrets: new MemorySecretBox(), blobStoreAt: (url) => assert.fail(`${url} is no blob`) },
      () => 0,
      async () => {
        if (refusal !== null) throw refusal;
        return repository;
      },
    );
  });

  it('is the range that was met, as whole as it is in the backup', async () => {
    const range = { offset: 4 * MIB - 4096, length: MIB };
    segments = [failed({ range })];
    expect(await look()).toMatchObject([
      { disk: 'sda', code: 'BLOB_CORRUPT', exact: true, ...range, parts: [{ holds: ['unknown'] }] },
    ]);
  });

  it('is the whole segment where it is not known what of it, or what is told lies elsewhere', async () => {
    const all = { exact: false, offset: 4 * MIB, length: 2 * MIB };
    segments = [failed({ code: 'FILE_TRUNCATED' }), failed({ range: { offset: 0, length: MIB } })];
    expect(await look()).toMatchObject([{ code: 'FILE_TRUNCATED', ...all }, all]);
  });

  it('ends with the disk, however long a range is told', async () => {
    segments = [failed({ range: { offset: 5 * MIB, length: Number.MAX_SAFE_INTEGER } })];
    expect(await look()).toMatchObject([{ offset: 5 * MIB, length: 3 * MIB }]);
  });

  it('is nothing where nothing is damaged, or nobody knows what the disk holds', async () => {
    segments = [failed({ code: 'TARGET_FULL' }), failed({}, 'another')];
    expect(await look()).toStrictEqual([]);
  });

  it('is bounded, however many segments have failed', async () => {
    segments = Array.from({ length: 200 }, () => failed({ range: { offset: 4 * MIB, length: 4096 } }));
    expect((await look()).length).toBe(16);
  });

  it('is not told where the repository does not open', async () => {
    segments = [failed({})];
    const details = { message: 'It is away.', fix: 'Wait.' };
    for (const error of [
      new RetryableError({ code: 'STORE_UNREACHABLE', ...details }),
      new PermanentError({ code: 'REPOSITORY_PASSWORD_WRONG', ...details }),
    ]) {
      refusal = error;
      await expect(look()).rejects.toBe(error);
    }
  });
});
