import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
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
  before(async () => {
    azure = await startTestAzure({ now: () => new Date(nowMs) });
    await makeDisk(azure, 'data');
  });
  after(() => azure.close());
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
    assert.deepEqual([...seen], ['249']);
    assert.equal(
      (await raw(azure, 'DELETE', `${diskId('none')}?api-version=2025-01-02`)).headers[`${REMAINING}-deletes`],
      '199',
    );
    assert.equal((await raw(azure, 'PUT', DISK, { body: '{' })).headers[`${REMAINING}-writes`], '199');
  });

  it("has Azure's sizes when nothing else is said", async () => {
    await settings({ throttling: {} });
    const { json } = await raw(azure, 'GET', '/_emulator/settings');
    assert.deepEqual(json['throttling'], {
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
      assert.equal(answer.name, 'data');
    }
    assert.deepEqual([remaining[0], remaining[1], remaining[249]], ['249', '248', '0']);
    assert.deepEqual(await refusal(azure.compute.disks.get(GROUP, 'data')), throttled('read', 1));
    const { headers } = await get();
    assert.deepEqual([headers['retry-after'], headers[`${REMAINING}-reads`]], ['1', '0']);
    nowMs += 1_000;
    let admitted = 0;
    while ((await get()).status === 200) admitted++;
    assert.equal(admitted, 25);
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
    assert.deepEqual(await refusal(groups.createOrUpdate('three', { location: REGION })), throttled('write', 10));
    await raw(azure, 'DELETE', `${diskId('none')}?api-version=2025-01-02`);
    await raw(azure, 'DELETE', `${diskId('none')}?api-version=2025-01-02`);
    assert.deepEqual(await refusal(azure.compute.disks.delete(GROUP, 'none')), throttled('delete', 10));
    assert.equal((await groups.get('one')).name, 'one');
    const other = clients(azure.emulator.url, 'other');
    await other.resources.resourceGroups.createOrUpdate('three', { location: REGION });
    nowMs += 9_000;
    assert.deepEqual(await refusal(groups.createOrUpdate('four', { location: REGION })), throttled('write', 1));
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
    assert.deepEqual(await refusal(change('busy', 12)), {
      status: 429,
      code: 'OperationNotAllowed',
      message: 'The server rejected the request because too many requests have been received for this subscription.',
    });
    assert.equal(answers.error()?.details?.[0]?.code, 'TooManyRequests');
    assert.equal(answers.header('retry-after'), '15');
    await change('calm', 0);
    assert.equal((await azure.compute.virtualMachines.get(GROUP, 'busy')).name, 'busy');
    nowMs += 15_000;
    await change('busy', 13);
    assert.equal((await refusal(change('busy', 14))).status, 429);
  });

  it('lets Compute refuse what is too much for the subscription, now and then without the error around it', async () => {
    await settings({ throttling: { computePerSubscription: { burst: 1, perMinute: 60 }, isUnwrapped: true } });
    await makeDisk(azure, 'first');
    const answers = watch(azure.compute);
    assert.equal((await refusal(makeDisk(azure, 'second'))).status, 429);
    assert.equal(answers.error(), undefined);
    const answer = await raw(azure, 'DELETE', DISK);
    assert.deepEqual([answer.json['code'], answer.headers['retry-after']], ['OperationNotAllowed', '1']);
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
    assert.deepEqual([busy.status, busy.code], [429, 'RetryableErrorDueToAnotherOperation']);
    assert.match(
      busy.message,
      /^Cannot proceed with operation because resource .*\/networkInterfaces\/nic is in Updating state/,
    );
    assert.equal(answers.header('retry-after'), '1');
    await settings({ delaysMs: {} });
  });
});
