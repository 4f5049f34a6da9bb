import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { restorePoller } from '@azure/arm-compute';
import {
  collect,
  diskId,
  GROUP,
  makeDisk,
  makeVm,
  raw,
  REGION,
  startTestAzure,
  type TestAzure,
} from '../fixtures/azure.fixture.test.js';

describe('long-running operations', () => {
  let azure: TestAzure;
  let nowMs = Date.now();
  beforeAll(async () => (azure = await startTestAzure({ retryAfterSeconds: 7, now: () => new Date(nowMs) })));
  afterAll(() => azure.close());

  const settings = (values: unknown) => raw(azure, 'PATCH', '/_emulator/settings', { body: JSON.stringify(values) });
  const putDisk = (name: string) =>
    raw(azure, 'PUT', `${diskId(name)}?api-version=2025-01-02`, {
      body: JSON.stringify({
        location: REGION,
        properties: { creationData: { createOption: 'Empty' }, diskSizeGB: 1 },
      }),
    });
  const get = (url: unknown) => {
    const { pathname, search } = new URL(String(url));
    return raw(azure, 'GET', pathname + search);
  };

  it('are in progress for as long as their kind takes', async () => {
    await settings({ delaysMs: { 'disks.create': 60_000 } });
    const put = await putDisk('slow');
    const status = await get(put.headers['azure-asyncoperation']);
    expect(status.status).toBe(200);
    expect(status.json['status']).toBe('InProgress');
    expect(status.json['endTime']).toBe(undefined);
    expect(status.headers['retry-after']).toBe('7');
    const result = await get(put.headers['location']);
    expect([result.status, result.text]).toStrictEqual([202, '']);
    expect((await azure.compute.disks.get(GROUP, 'slow')).provisioningState).toBe('Creating');
    await settings({ delaysMs: {} });
    nowMs += 60_000;
    expect((await get(put.headers['azure-asyncoperation'])).json['status']).toBe('Succeeded');
  });

  it('answer a deletion with 202 and the Location of its end, and 204 when there was nothing', async () => {
    await putDisk('short-lived');
    await azure.emulator.idle();
    nowMs += 120_000;
    const removed = await raw(azure, 'DELETE', `${diskId('short-lived')}?api-version=2025-01-02`);
    expect(removed.status).toBe(202);
    expect((await get(removed.headers['location'])).status).toBe(200);
    expect((await raw(azure, 'DELETE', `${diskId('short-lived')}?api-version=2025-01-02`)).status).toBe(204);
  });

  it('can be resumed by a client that has kept its poller, without a second request', async () => {
    await raw(azure, 'DELETE', '/_emulator/calls');
    const poller = azure.compute.disks.createOrUpdate(GROUP, 'resumed', {
      location: REGION,
      creationData: { createOption: 'Empty' },
      diskSizeGB: 1,
    });
    await poller.submitted();
    const state = await poller.serialize();
    const resumed = restorePoller(azure.compute, state, azure.compute.disks.createOrUpdate);
    expect((await resumed.pollUntilDone()).name).toBe('resumed');
    const calls = JSON.parse((await raw(azure, 'GET', '/_emulator/calls')).text) as { method: string }[];
    expect(calls.filter(({ method }) => method === 'PUT').length).toBe(1);
  });

  it('are unknown when nobody began them', async () => {
    const url = `/subscriptions/${azure.emulator.subscriptionId}/providers/Microsoft.Compute/locations/westeurope/operations/0?api-version=2025-04-01`;
    expect((await raw(azure, 'GET', url)).status).toBe(404);
  });
});

describe('state on disk', () => {
  let directory = '';
  beforeAll(async () => (directory = await mkdtemp(join(tmpdir(), 'landfall-emulator-'))));
  afterAll(() => rm(directory, { recursive: true, force: true }));

  it('survives an end and a start', async () => {
    const first = await startTestAzure({ dataDirectory: directory });
    const disk = await makeDisk(first, 'kept', { tags: { a: 'b' } });
    await makeVm(first, 'kept-vm', { dataDisks: [{ diskId: disk, lun: 3 }] });
    const { uniqueId } = await first.compute.disks.get(GROUP, 'kept');
    await first.close();
    const second = await startTestAzure({ dataDirectory: directory });
    const kept = await second.compute.disks.get(GROUP, 'kept');
    expect(kept.uniqueId).toBe(uniqueId);
    expect([kept.tags, kept.diskState]).toStrictEqual([{ a: 'b' }, 'Attached']);
    const vm = await second.compute.virtualMachines.get(GROUP, 'kept-vm', { expand: 'instanceView' });
    expect(vm.instanceView?.statuses?.some(({ code }) => code === 'PowerState/running')).toBeTruthy();
    await second.close();
  });

  it('does not bring back what was seeded once and deleted since', async () => {
    const first = await startTestAzure({ dataDirectory: directory });
    await first.resources.resourceGroups.delete(GROUP);
    await first.close();
    const second = await startTestAzure({ dataDirectory: directory });
    expect(await collect(second.resources.resourceGroups.list())).toStrictEqual([]);
    await second.close();
  });
});
