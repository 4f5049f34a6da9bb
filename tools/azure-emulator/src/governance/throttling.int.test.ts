import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import {
  clients,
  diskId,
  GROUP,
  IDS,
  makeDisk,
  makeNic,
  makeVm,
  raw,
  REGION,
  refusal,
  startTestAzure,
  SUBSCRIPTION,
  watch,
  type TestAzure,
} from '../fixtures/azure.fixture.test.js';

const REMAINING = 'x-ms-ratelimit-remaining-subscription';
const DISK = `${diskId('data')}?api-version=2025-01-02`;

describe('throttling', () => {
  let azure: TestAzure;
  // The clock stands still unless a test moves it.
  let nowMs = Date.parse('2026-01-01T00:00:00Z');
  beforeAll(async () => {
    azure = await startTestAzure({ now: () => new Date(nowMs) });
    await makeDisk(azure, 'data');
  });
  afterAll(() => azure.close());
  afterEach(async () => {
    await settings({ throttling: null, principals: {} });
    nowMs += 3_600_000;
  });

  const settings = (values: unknown) => raw(azure, 'PATCH', '/_emulator/settings', { body: JSON.stringify(values) });
  const get = () => raw(azure, 'GET', DISK);
  const throttled = (kind: string, seconds: number) => ({
    status: 429,
    code: 'SubscriptionRequestsThrottled',
    message:
      `Number of '${kind}' requests for subscription '${SUBSCRIPTION}' actor 'owner' exceeded. ` +
      `Please try again after '${seconds}' seconds after additional tokens are available. ` +
      'Refer to https://aka.ms/arm-throttling for additional information.',
  });

  it('is off at first: nobody is refused, and every answer tells of a full bucket', async () => {
    const seen = new Set<unknown>();
    for (let count = 0; count < 5; count++) seen.add((await get()).headers[`${REMAINING}-reads`]);
    expect([...seen]).toStrictEqual(['249']);
    expect(
      (await raw(azure, 'DELETE', `${diskId('none')}?api-version=2025-01-02`)).headers[`${REMAINING}-deletes`],
    ).toBe('199');
    expect((await raw(azure, 'PUT', DISK, { body: '{' })).headers[`${REMAINING}-writes`]).toBe('199');
  });

  it("has Azure's sizes when nothing else is said", async () => {
    await settings({ throttling: {} });
    const { json } = await raw(azure, 'GET', '/_emulator/settings');
    expect(json['throttling']).toStrictEqual({
      reads: { burst: 250, perMinute: 1500 },
      writes: { burst: 200, perMinute: 600 },
      deletes: { burst: 200, perMinute: 600 },
      computePerVm: { burst: 12, perMinute: 4 },
      computePerSubscription: { burst: 1500, perMinute: 500 },
      isUnwrapped: false,
    });
  });

  it('lets 250 reads through at once, then 25 a second, and says when to come back', async () => {
    await settings({ throttling: {} });
    const remaining: unknown[] = [];
    for (let count = 0; count < 250; count++) {
      const answer = await azure.compute.disks.get(GROUP, 'data', {
        onResponse: ({ headers }) => remaining.push(headers.get(`${REMAINING}-reads`)),
      });
      expect(answer.name).toBe('data');
    }
    expect([remaining[0], remaining[1], remaining[249]]).toStrictEqual(['249', '248', '0']);
    expect(await refusal(azure.compute.disks.get(GROUP, 'data'))).toStrictEqual(throttled('read', 1));
    const { headers } = await get();
    expect([headers['retry-after'], headers[`${REMAINING}-reads`]]).toStrictEqual(['1', '0']);
    nowMs += 1_000;
    let admitted = 0;
    while ((await get()).status === 200) admitted++;
    expect(admitted).toBe(25);
  });

  it('counts writes and deletes apart, by principal', async () => {
    const small = { burst: 2, perMinute: 6 };
    await settings({
      throttling: { reads: small, writes: small, deletes: small },
      principals: { other: { objectId: 'other', permissions: [{ actions: ['*'] }] } },
    });
    const groups = azure.resources.resourceGroups;
    await groups.createOrUpdate('one', { location: REGION });
    await groups.createOrUpdate('two', { location: REGION });
    expect(await refusal(groups.createOrUpdate('three', { location: REGION }))).toStrictEqual(throttled('write', 10));
    await raw(azure, 'DELETE', `${diskId('none')}?api-version=2025-01-02`);
    await raw(azure, 'DELETE', `${diskId('none')}?api-version=2025-01-02`);
    expect(await refusal(azure.compute.disks.delete(GROUP, 'none'))).toStrictEqual(throttled('delete', 10));
    expect((await groups.get('one')).name).toBe('one');
    const other = clients(azure.emulator.url, 'other');
    await other.resources.resourceGroups.createOrUpdate('three', { location: REGION });
    nowMs += 9_000;
    expect(await refusal(groups.createOrUpdate('four', { location: REGION }))).toStrictEqual(throttled('write', 1));
    nowMs += 1_000;
    await groups.createOrUpdate('four', { location: REGION });
  });

  it('lets Compute refuse what is too much for one VM, with what was too much in the details', async () => {
    const answers = watch(azure.compute);
    await makeVm(azure, 'busy');
    await makeVm(azure, 'calm');
    await settings({ throttling: {} });
    const change = (name: string, count: number) =>
      azure.compute.virtualMachines.update(GROUP, name, { tags: { count: String(count) } });
    for (let count = 0; count < 12; count++) await change('busy', count);
    expect(await refusal(change('busy', 12))).toStrictEqual({
      status: 429,
      code: 'OperationNotAllowed',
      message: 'The server rejected the request because too many requests have been received for this subscription.',
    });
    expect(answers.error()?.details?.[0]?.code).toBe('TooManyRequests');
    expect(answers.header('retry-after')).toBe('15');
    await change('calm', 0);
    expect((await azure.compute.virtualMachines.get(GROUP, 'busy')).name).toBe('busy');
    nowMs += 15_000;
    await change('busy', 13);
    expect((await refusal(change('busy', 14))).status).toBe(429);
  });

  it('lets Compute refuse what is too much for the subscription, now and then without the error around it', async () => {
    await settings({ throttling: { computePerSubscription: { burst: 1, perMinute: 60 }, isUnwrapped: true } });
    await makeDisk(azure, 'first');
    const answers = watch(azure.compute);
    expect((await refusal(makeDisk(azure, 'second'))).status).toBe(429);
    expect(answers.error()).toBe(undefined);
    const answer = await raw(azure, 'DELETE', DISK);
    expect([answer.json['code'], answer.headers['retry-after']]).toStrictEqual(['OperationNotAllowed', '1']);
    await makeNic(azure, 'not-of-compute');
  });

  it('lets Network refuse to change what another operation is changing', async () => {
    await makeNic(azure, 'nic');
    await settings({ delaysMs: { 'network.write': 60_000 } });
    await azure.network.networkInterfaces
      .createOrUpdate(GROUP, 'nic', {
        location: REGION,
        ipConfigurations: [{ name: 'ipconfig1', subnet: { id: IDS.machineSubnetId } }],
      })
      .submitted();
    const answers = watch(azure.network);
    const busy = await refusal(azure.network.networkInterfaces.delete(GROUP, 'nic'));
    expect([busy.status, busy.code]).toStrictEqual([429, 'RetryableErrorDueToAnotherOperation']);
    expect(busy.message).toMatch(
      /^Cannot proceed with operation because resource .*\/networkInterfaces\/nic is in Updating state/,
    );
    expect(answers.header('retry-after')).toBe('1');
    await settings({ delaysMs: {} });
  });
});
