import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import { FINALIZER_JOBS, type Orphan } from '@landfall/pipeline';
import { ApiUnderTest } from './running-api.fixture.test.js';

const left: Orphan = {
  azureId: '/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/disks/left',
  finding: 'left-behind',
  removable: true,
  kind: 'disk',
  role: 'disk',
  restoreId: 'r1',
  restoreState: 'failed',
  why: 'Restore r1 is failed, and this should have been removed.',
};
const unknown: Orphan = {
  ...left,
  azureId: left.azureId.replace(/left$/, 'unknown'),
  finding: 'unknown',
  removable: false,
  restoreState: null,
};

describe('orphans', () => {
  let api: ApiUnderTest;
  let asked: unknown[];

  beforeAll(async () => {
    api = await ApiUnderTest.start();
  });
  afterAll(() => api.close());

  beforeEach(() => {
    asked = [];
    api.planner[FINALIZER_JOBS.findOrphans] = async () => [left, unknown];
    api.planner[FINALIZER_JOBS.removeOrphans] = async ({ azureIds }) => {
      asked.push(azureIds);
      return { removed: azureIds, kept: [] };
    };
  });

  const remove = (body: object) => api.call('POST', '/v1/orphans/remove', { role: 'admin', body });

  it('are listed as the finalizer finds them', async () => {
    const answer = await api.call('GET', '/v1/orphans', { role: 'viewer' });
    expect(answer.status).toBe(200);
    expect(answer.body).toStrictEqual([left, unknown]);
  });

  it('are only named unless the removal is asked for in so many words', async () => {
    const answer = await remove({});
    expect(answer.body).toStrictEqual({ dryRun: true, wouldRemove: [left.azureId], removed: [], kept: [] });
    expect(asked).toStrictEqual([]);
  });

  it('are removed by an administrator, which the audit log tells before; what is not removable is not asked for', async () => {
    const answer = await remove({ dryRun: false });
    expect(answer.body).toStrictEqual({ dryRun: false, wouldRemove: [], removed: [left.azureId], kept: [] });
    expect(asked).toStrictEqual([[left.azureId]]);
    const entries = await api.connections.ports.audit.entries();
    expect(entries.at(-1)?.details).toStrictEqual({ removable: [left.azureId] });
    expect(entries.at(-1)?.actor).toBe('admin');
  });

  it('can be chosen one by one, without regard to the case of their IDs', async () => {
    expect((await remove({ azureIds: [unknown.azureId], dryRun: false })).body).toStrictEqual({
      ...{ dryRun: false, wouldRemove: [], removed: [], kept: [] },
    });
    await remove({ azureIds: [left.azureId.toUpperCase()], dryRun: false });
    expect(asked).toStrictEqual([[left.azureId]]);
  });

  it('are removed by nobody but an administrator', async () => {
    for (const role of ['viewer', 'operator', 'approver'] as const) {
      const answer = await api.call('POST', '/v1/orphans/remove', { role, body: { dryRun: false } });
      assert.equal(answer.status, 403, role);
    }
    expect(asked).toStrictEqual([]);
  });
});
