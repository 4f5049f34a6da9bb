import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import { FaultControl, type FaultWish } from '../index.js';
import {
  diskId,
  GROUP,
  makeDisk,
  makeNic,
  makeVm,
  powerState,
  raw,
  refusal,
  REGION,
  startTestAzure,
  vmBody,
  type TestAzure,
} from '../fixtures/azure.fixture.test.js';

describe('a request that a fault strikes', () => {
  let azure: TestAzure;
  let nowMs = Date.now();
  let faults: FaultControl;
  let number = 0;
  beforeAll(async () => {
    azure = await startTestAzure({ now: () => new Date(nowMs) });
    faults = new FaultControl(azure.emulator);
  });
  afterAll(() => azure.close());
  afterEach(() => faults.clear());

  const name = (): string => `disk-${++number}`;
  const putDisk = (disk: string) => makeDisk(azure, disk);
  const exists = async (disk: string): Promise<boolean> =>
    (await raw(azure, 'GET', `${diskId(disk)}?api-version=2025-01-02`)).status === 200;

  it('is answered 429 by Compute with Retry-After, and not carried out', async () => {
    await faults.add({ kind: 'throttle', operation: 'Disks_CreateOrUpdate', retryAfterSeconds: 17 });
    const disk = name();
    const error = await putDisk(disk).then(
      () => assert.fail('it was not refused'),
      (thrown: unknown) => thrown as { statusCode: number; code: string; message: string; response: unknown },
    );
    expect(error.statusCode).toBe(429);
    expect(error.code).toBe('OperationNotAllowed');
    expect(error.message).toMatch(/too many requests have been received for this subscription/);
    const { headers } = error.response as { headers: { get(name: string): string | undefined } };
    expect(headers.get('retry-after')).toBe('17');
    expect(await exists(disk)).toBe(false);
    await putDisk(disk);
  });

  it('is answered 429 without Retry-After where the fault says so, in the words of the resource provider', async () => {
    await faults.add({ kind: 'throttle', retryAfterSeconds: null, when: { times: 3 } });
    const answer = await raw(azure, 'GET', `${diskId('any')}?api-version=2025-01-02`);
    expect(answer.status).toBe(429);
    expect(answer.headers['retry-after']).toBe(undefined);
    expect((await refusal(makeNic(azure, 'nic'))).code).toBe('RetryableErrorDueToAnotherOperation');
    const group = await refusal(azure.resources.resourceGroups.get(GROUP));
    expect([group.status, group.code]).toStrictEqual([429, 'SubscriptionRequestsThrottled']);
  });

  it('is answered 500, or whatever status, code and message the fault has, and not carried out', async () => {
    await faults.add({ kind: 'error', operation: 'disks.create' });
    const disk = name();
    const plain = await refusal(putDisk(disk));
    expect([plain.status, plain.code]).toStrictEqual([500, 'InternalServerError']);
    await faults.add({ kind: 'error', operation: 'disks.*', status: 409, code: 'Conflict', message: 'Not now.' });
    expect(await refusal(putDisk(disk))).toStrictEqual({ status: 409, code: 'Conflict', message: 'Not now.' });
    expect(await exists(disk)).toBe(false);
  });

  it('is left without an answer until the client gives up, and not carried out', async () => {
    await faults.add({ kind: 'timeout', operation: 'Disks_CreateOrUpdate' });
    const disk = name();
    const giveUp = AbortSignal.timeout(200);
    await expect(
      Promise.resolve(
        azure.compute.disks.createOrUpdate(
          GROUP,
          disk,
          { location: REGION, creationData: { createOption: 'Empty' }, diskSizeGB: 1 },
          { abortSignal: giveUp },
        ),
      ),
    ).rejects.toMatchObject({ name: 'AbortError' });
    expect(giveUp.aborted).toBe(true);
    expect(await exists(disk)).toBe(false);
  });

  it('is answered 504 by the gateway when the client does not give up', async () => {
    await faults.add({ kind: 'timeout', operation: 'Disks_CreateOrUpdate', forSeconds: 0.05 });
    const answer = await refusal(putDisk(name()));
    expect([answer.status, answer.code]).toStrictEqual([504, 'GatewayTimeout']);
  });

  it('is cut off before it is carried out', async () => {
    await faults.add({ kind: 'reset-before', operation: 'Disks_CreateOrUpdate' });
    const disk = name();
    const { code } = await refusal(putDisk(disk));
    expect(String(code)).toMatch(/ECONNRESET|REQUEST_SEND_ERROR/);
    expect(await exists(disk)).toBe(false);
  });

  it('is cut off after it was carried out', async () => {
    await faults.add({ kind: 'reset-after', operation: 'Disks_CreateOrUpdate' });
    const disk = name();
    const { status } = await refusal(putDisk(disk));
    expect(status).toBe(undefined);
    expect(await exists(disk)).toBe(true);
    const calls = JSON.parse((await raw(azure, 'GET', '/_emulator/calls')).text) as { fault?: string }[];
    expect(calls.filter(({ fault }) => fault === 'reset-after').length).toBe(1);
  });

  it('makes something that is not found for a while, and does nothing to what exists', async () => {
    const disk = name();
    await putDisk(disk);
    const fault = await faults.add({ kind: 'not-found-after-create', resource: 'disk-*', forSeconds: 30 });
    await azure.compute.disks.update(GROUP, disk, { tags: { a: 'b' } });
    await putDisk(disk);
    const late = name();
    // The client reads what it has made as soon as the operation has ended.
    expect((await refusal(putDisk(late))).status).toBe(404);
    const missing = await refusal(azure.compute.disks.get(GROUP, late));
    expect([missing.status, missing.code]).toStrictEqual([404, 'NotFound']);
    expect(missing.message).toBe(`Disk ${late} is not found.`);
    nowMs += 29_000;
    expect((await refusal(azure.compute.disks.get(GROUP, late))).status).toBe(404);
    nowMs += 2_000;
    expect((await azure.compute.disks.get(GROUP, late)).name).toBe(late);
    expect((await faults.list()).find(({ id }) => id === fault.id)?.fired).toBe(1);
  });

  it('finds the quota gone that the list of usages still shows', async () => {
    const size = 'Standard_F2s_v2';
    const body = await vmBody(azure, 'no-quota', { size });
    await faults.add({ kind: 'quota', size });
    const before = JSON.stringify(await usages());
    const refused = await refusal(azure.compute.virtualMachines.createOrUpdate(GROUP, 'no-quota', body));
    expect([refused.status, refused.code]).toStrictEqual([409, 'OperationNotAllowed']);
    expect(refused.message).toMatch(/exceeding approved standardFSv2Family Cores quota\. .*Additional Required: 2/);
    expect(JSON.stringify(await usages())).toBe(before);
    expect((await refusal(azure.compute.virtualMachines.get(GROUP, 'no-quota'))).status).toBe(404);
    await azure.compute.virtualMachines.createOrUpdate(GROUP, 'no-quota', body);
  });

  const usages = async (): Promise<unknown> => {
    const path = `/subscriptions/${azure.emulator.subscriptionId}/providers/Microsoft.Compute/locations/${REGION}/usages`;
    return (await raw(azure, 'GET', `${path}?api-version=2025-04-01`)).json;
  };

  it('is a read as well as a write, a poll as well as what it polls', async () => {
    const disk = name();
    await putDisk(disk);
    await faults.add({ kind: 'error', operation: 'Operations_Disk', resource: disk });
    await putDisk(name());
    const poll = await refusal(azure.compute.disks.update(GROUP, disk, { tags: {} }));
    expect(poll.status).toBe(500);
    await faults.add({ kind: 'error', operation: 'Disks_List*' });
    expect((await raw(azure, 'GET', `${diskId('x').replace(/\/x$/, '')}?api-version=2025-01-02`)).status).toBe(500);
  });
});

describe('an operation that a fault strikes', () => {
  let azure: TestAzure;
  let faults: FaultControl;
  beforeAll(async () => {
    azure = await startTestAzure();
    faults = new FaultControl(azure.emulator);
  });
  afterAll(() => azure.close());
  afterEach(() => faults.clear());

  /** How the operation ended that a disk's creation began: the client sees only the message. */
  const endOf = async (disk: string) => {
    const put = await raw(azure, 'PUT', `${diskId(disk)}?api-version=2025-01-02`, {
      body: JSON.stringify({
        location: REGION,
        properties: { creationData: { createOption: 'Empty' }, diskSizeGB: 1 },
      }),
    });
    assert.equal(put.status, 202, put.text);
    const url = new URL(String(put.headers['azure-asyncoperation']));
    return (await raw(azure, 'GET', url.pathname + url.search)).json;
  };

  it('is accepted and fails when its time has come, without having had its effect', async () => {
    await faults.add({
      kind: 'fail-late',
      operation: 'disks.create',
      when: { times: 2 },
      code: 'Broken',
      message: 'It broke.',
    });
    expect((await refusal(makeDisk(azure, 'late'))).message).toMatch(/It broke\./);
    expect((await azure.compute.disks.get(GROUP, 'late')).provisioningState).toBe('Failed');
    const end = await endOf('later');
    expect([end['status'], end['error']]).toStrictEqual(['Failed', { code: 'Broken', message: 'It broke.' }]);
    await makeDisk(azure, 'late');
    expect((await azure.compute.disks.get(GROUP, 'late')).provisioningState).toBe('Succeeded');
  });

  it('is canceled, as one that a newer one has preempted', async () => {
    await faults.add({ kind: 'cancel', operation: 'Disks_CreateOrUpdate', resource: 'canceled' });
    const end = await endOf('canceled');
    expect(end['status']).toBe('Canceled');
    expect((end['error'] as { code: string }).code).toBe('OperationPreempted');
    await faults.add({ kind: 'cancel', operation: 'disks.delete' });
    await makeDisk(azure, 'kept');
    await expect(Promise.resolve(azure.compute.disks.delete(GROUP, 'kept'))).rejects.toThrow(/canceled|preempted/i);
    expect((await azure.compute.disks.get(GROUP, 'kept')).provisioningState).toBe('Succeeded');
  });

  it('finds no room for a size, in the region or in a zone', async () => {
    await faults.add({ kind: 'allocation-failed', size: 'Standard_F8s_v2', when: 'always' });
    await faults.add({ kind: 'allocation-failed', size: 'Standard_F4s_v2', zone: '2', when: 'always' });
    const inRegion = await refusal(makeVm(azure, 'big', { size: 'Standard_F8s_v2' }));
    expect(inRegion.message).toMatch(/do not have sufficient capacity for the requested VM size in this region/);
    expect((await azure.compute.virtualMachines.get(GROUP, 'big')).provisioningState).toBe('Failed');
    const inZone = await refusal(makeVm(azure, 'zonal', { size: 'Standard_F4s_v2', zone: '2' }));
    expect(inZone.message).toMatch(/in this zone/);
    await makeVm(azure, 'elsewhere', { size: 'Standard_F4s_v2', zone: '1' });
    await makeVm(azure, 'small', { size: 'Standard_F2s_v2' });
    const calls = (await faults.list()).map(({ matched, fired }) => [matched, fired]);
    expect(calls).toStrictEqual([
      [1, 1],
      [1, 1],
    ]);
  });

  it('finds no room any more for a VM that was deallocated', async () => {
    await makeVm(azure, 'parked', { size: 'Standard_F2s_v2' });
    await azure.compute.virtualMachines.deallocate(GROUP, 'parked');
    await faults.add({ kind: 'allocation-failed', operation: 'virtualMachines.start' });
    expect((await refusal(azure.compute.virtualMachines.start(GROUP, 'parked'))).message).toMatch(/Allocation failed/);
    expect(await powerState(azure, 'parked')).toBe('PowerState/deallocated');
    await azure.compute.virtualMachines.start(GROUP, 'parked');
    expect(await powerState(azure, 'parked')).toBe('PowerState/running');
  });
});

describe('the list of faults', () => {
  let azure: TestAzure;
  let faults: FaultControl;
  beforeAll(async () => {
    azure = await startTestAzure();
    faults = new FaultControl(azure.emulator);
  });
  afterAll(() => azure.close());

  it('refuses what can never strike, and what it does not know', async () => {
    const wrong: readonly [FaultWish, RegExp][] = [
      [
        { kind: 'error', operation: 'Disk_Create' },
        /No request is named 'Disk_Create'\. Similar are Disks_CreateOrUpdate/,
      ],
      [{ kind: 'throttle', operation: 'network.write' }, /No request is named 'network\.write'/],
      [{ kind: 'error', status: 200 }, /status/],
      [{ kind: 'error', when: { times: 0 } }, /when/],
      [{ kind: 'nonsense' } as unknown as FaultWish, /kind/],
      [{ kind: 'stuck-detach', code: 'X' }, /A fault of kind 'stuck-detach' has no code/],
      [{ kind: 'cancel', retryAfterSeconds: 3 }, /has no retryAfterSeconds; it has status, code, message/],
      [{ kind: 'error', other: 1 } as unknown as FaultWish, /Could not find member 'other'/],
    ];
    for (const [wish, message] of wrong) await assert.rejects(faults.add(wish), message, JSON.stringify(wish));
    await expect(faults.clear('nobody')).rejects.toThrow(/There is no fault 'nobody'/);
    expect(await faults.list()).toStrictEqual([]);
  });

  it('offers each request to the oldest fault first, and to the next only when that one lets it pass', async () => {
    const first = await faults.add({ kind: 'error', operation: 'Disks_Get', when: { nth: 2 }, status: 502 });
    const second = await faults.add({ kind: 'throttle', operation: 'Disks_Get', when: { nth: 2 } });
    const statuses: number[] = [];
    for (let time = 0; time < 4; time++) {
      statuses.push((await raw(azure, 'GET', `${diskId('none')}?api-version=2025-01-02`)).status);
    }
    expect(statuses).toStrictEqual([404, 502, 429, 404]);
    const counted = new Map((await faults.list()).map((fault) => [fault.id, [fault.matched, fault.fired]]));
    expect(counted.get(first.id)).toStrictEqual([4, 1]);
    expect(counted.get(second.id)).toStrictEqual([3, 1]);
    expect((await faults.clear(first.id)).map(({ id }) => id)).toStrictEqual([first.id]);
    expect((await faults.list()).map(({ id }) => id)).toStrictEqual([second.id]);
    await faults.clear();
  });

  it('outlives the emulator, counters included', async () => {
    const one = await startTestAzure();
    await new FaultControl(one.emulator).add({ kind: 'error', operation: 'Disks_Get', when: { nth: 2 } });
    const path = `${diskId('none')}?api-version=2025-01-02`;
    expect((await raw(one, 'GET', path)).status).toBe(404);
    await one.emulator.close();
    const two = await startTestAzure({ dataDirectory: one.directory });
    expect((await raw(two, 'GET', path)).status).toBe(500);
    expect((await new FaultControl(two.emulator).list()).map(({ fired, matched }) => [fired, matched])).toStrictEqual([
      [1, 2],
    ]);
    await two.emulator.close();
    await one.close().catch(() => undefined);
  });
});
