import { describe, expect, it } from '@jest/globals';
import { createHttpHeaders, type HttpClient } from '@azure/core-rest-pipeline';
import { Secret } from '@landfall/domain';
import { connectClients, type AzureConnection } from './connection.js';
import { pollToEnd, type Poller } from './polling.js';

const SUBSCRIPTION = '00000000-0000-4000-8000-0000000000aa';
const OPERATION = `https://management.azure.com/subscriptions/${SUBSCRIPTION}/operations/1`;

describe('how long an operation is left alone', () => {
  it('is what came with its acceptance, before it is asked about for the first time', async () => {
    const events: string[] = [];
    let isDone = false;
    const poller: Poller = {
      get isDone() {
        return isDone;
      },
      result: undefined,
      submitted: async () => undefined,
      serialize: async () => JSON.stringify({ state: { config: { operationLocation: OPERATION } } }),
      poll: async () => {
        events.push('polled');
        isDone = events.length > 2;
      },
    };
    const advisedWait = (url: string): number => {
      events.push(`asked for the wait of ${url === OPERATION ? 'the operation' : url}`);
      return 1;
    };
    await pollToEnd(poller, { advisedWait }, undefined);
    const asked = 'asked for the wait of the operation';
    expect(events).toStrictEqual([asked, 'polled', asked, 'polled']);
  });

  it('is known of an acceptance by the operation that it names, whatever its query, and told once', async () => {
    const connection = answering(202, { 'azure-asyncoperation': `${OPERATION}?api-version=1&s=x`, 'retry-after': '2' });
    await begin(connection);
    expect(connection.advisedWait(`${OPERATION}?api-version=1&t=y`)).toBe(2_000);
    expect(connection.advisedWait(OPERATION)).toBe(0);
  });

  it('is known of an acceptance that names no more than a location', async () => {
    const connection = answering(202, { location: OPERATION, 'retry-after': '15' });
    await begin(connection);
    expect(connection.advisedWait(OPERATION)).toBe(15_000);
  });
});

/** Any call that Azure makes an operation of. */
function begin({ compute }: AzureConnection): Promise<void> {
  const change = { send: () => compute.disks.revokeAccess('apps', 'd') };
  return change.send().submitted();
}

function answering(status: number, headers: Record<string, string>) {
  const transport: HttpClient = {
    sendRequest: async (request) => ({
      request,
      status,
      headers: createHttpHeaders({ 'content-type': 'application/json', ...headers }),
      bodyAsText: '',
    }),
  };
  return connectClients({ subscriptionId: SUBSCRIPTION, applianceId: 'a', token: new Secret('t') }, transport);
}
