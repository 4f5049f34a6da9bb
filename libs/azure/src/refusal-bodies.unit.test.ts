import { describe, expect, it } from '@jest/globals';
import { createHttpHeaders, type HttpClient } from '@azure/core-rest-pipeline';
import { Secret } from '@landfall/domain';
import { connectClients } from './connection.js';
import { fromAzure } from './errors.js';

const SUBSCRIPTION = '00000000-0000-4000-8000-0000000000aa';
const OPERATION = `https://management.azure.com/subscriptions/${SUBSCRIPTION}/operationresults/1`;
const REFUSAL = {
  error: {
    code: 'ResourceMoveProviderValidationFailed',
    message: 'See details.',
    details: [{ code: 'Conflict', details: [{ code: 'AnotherOperationInProgress', message: 'Busy: d1.' }] }],
  },
};

describe('the reasons of a refusal', () => {
  it('are known of a call that Azure does not accept, and of one whose operation ends so', async () => {
    for (const accepted of [false, true]) {
      const { resources } = connectClients(SETTINGS, refusing(accepted)).resources;
      const move = resources.moveResources('from', { resources: ['/d1'], targetResourceGroup: '/to' });
      const error = await move.then(
        () => null,
        (refused: unknown) => fromAzure(refused, 'move the disk'),
      );
      expect(error).toMatchObject({ kind: 'waiting', code: 'AZURE_BUSY' });
      expect(error?.message).toContain('AnotherOperationInProgress: Busy: d1.');
    }
  });
});

const SETTINGS = { subscriptionId: SUBSCRIPTION, applianceId: 'appliance', token: new Secret('token') };

/** Refuses a call, or what it has begun. */
function refusing(accepted: boolean): HttpClient {
  return {
    sendRequest: async (request) =>
      accepted && request.method === 'POST'
        ? { request, status: 202, headers: createHttpHeaders({ location: OPERATION }) }
        : {
            ...{ request, status: 409, bodyAsText: JSON.stringify(REFUSAL) },
            headers: createHttpHeaders({ 'content-type': 'application/json' }),
          },
  };
}
