import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { diskId, raw, REGION, startTestAzure, SUBSCRIPTION, type TestAzure } from '../fixtures/azure.fixture.test.js';
import { PROFILES } from './profiles.js';

describe('the profile of Azure', () => {
  let azure: TestAzure;
  beforeAll(async () => (azure = await startTestAzure({ profile: 'azure' })));
  afterAll(() => azure.close());

  it('gives operations the times that they were recorded to take, and names no kind that there is not', async () => {
    const kinds = (await raw(azure, 'GET', '/_emulator/operation-kinds')).json as unknown as readonly {
      readonly name: string;
      readonly delayMs: number;
    }[];
    const times = Object.fromEntries(kinds.map(({ name, delayMs }) => [name, delayMs]));
    expect(times).toMatchObject(PROFILES.azure.delaysMs ?? {});
    expect(times['resources.move']).toBe(125_000);
  });

  it('says when to ask again by kind: two seconds for disks, fifteen for groups', async () => {
    // Long enough that the operation still runs when it is asked for, however slow this machine is.
    const delaysMs = { 'disks.create': 60_000 };
    await raw(azure, 'PATCH', '/_emulator/settings', { body: JSON.stringify({ delaysMs }) });
    const group = `/subscriptions/${SUBSCRIPTION}/resourceGroups/brief`;
    const body = JSON.stringify({ location: REGION });
    await raw(azure, 'PUT', `${group}?api-version=2025-04-01`, { body });
    const disk = await raw(azure, 'PUT', `${diskId('slow', 'brief')}?api-version=2025-01-02`, {
      body: JSON.stringify({
        location: REGION,
        properties: { creationData: { createOption: 'Empty' }, diskSizeGB: 1 },
      }),
    });
    expect([disk.status, disk.headers['retry-after']]).toStrictEqual([202, '2']);
    const { pathname, search } = new URL(String(disk.headers['azure-asyncoperation']));
    expect((await raw(azure, 'GET', pathname + search)).headers['retry-after']).toBe('2');
    const removal = await raw(azure, 'DELETE', `${group}?api-version=2025-04-01`);
    expect([removal.status, removal.headers['retry-after']]).toStrictEqual([202, '15']);
  });
});
