import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import {
  clients,
  diskId,
  GROUP,
  makeDisk,
  makeNic,
  raw,
  REGION,
  refusal,
  startTestAzure,
  SUBSCRIPTION,
  watch,
  type AzureClients,
  type TestAzure,
} from '../fixtures/azure.fixture.test.js';

const GROUP_SCOPE = `/subscriptions/${SUBSCRIPTION}/resourceGroups/${GROUP}`;
const LIMITED = 'a-token-with-few-rights';

describe('what Azure does not let everybody do', () => {
  let azure: TestAzure;
  let limited: AzureClients;
  let answers: ReturnType<typeof watch>;
  beforeAll(async () => {
    azure = await startTestAzure();
    answers = watch(azure.compute);
    limited = clients(azure.emulator.url, LIMITED);
    await makeDisk(azure, 'data');
  });
  afterAll(() => azure.close());
  afterEach(() => settings({ principals: {}, policies: [], unregisteredProviders: [], delaysMs: {} }));

  const settings = (values: unknown) => raw(azure, 'PATCH', '/_emulator/settings', { body: JSON.stringify(values) });
  const role = (actions: string[], notActions: string[] = [], scope?: string) =>
    settings({
      principals: {
        [LIMITED]: {
          objectId: 'reader-1',
          permissions: [{ actions, notActions, ...(scope === undefined ? {} : { scope }) }],
        },
      },
    });
  const unauthorized = (action: string, scope: string) => ({
    status: 403,
    code: 'AuthorizationFailed',
    message:
      `The client 'reader-1' with object id 'reader-1' does not have authorization to perform action '${action}' over scope ` +
      `'${scope}' or the scope is invalid. If access was recently granted, please refresh your credentials.`,
  });

  it('refuses what no role allows, and names action and scope', async () => {
    await role(['*/read']);
    expect((await limited.compute.disks.get(GROUP, 'data')).name).toBe('data');
    expect(await refusal(limited.compute.disks.delete(GROUP, 'data'))).toStrictEqual(
      unauthorized('Microsoft.Compute/disks/delete', diskId('data')),
    );
    expect(await refusal(makeDisk(limited, 'new'))).toStrictEqual(
      unauthorized('Microsoft.Compute/disks/write', diskId('new')),
    );
    expect(
      await refusal(limited.compute.disks.grantAccess(GROUP, 'data', { access: 'Read', durationInSeconds: 60 })),
    ).toStrictEqual(unauthorized('Microsoft.Compute/disks/beginGetAccess/action', diskId('data')));
    expect(await refusal(limited.resources.resourceGroups.createOrUpdate('rg', { location: REGION }))).toStrictEqual(
      unauthorized(
        'Microsoft.Resources/subscriptions/resourceGroups/write',
        `/subscriptions/${SUBSCRIPTION}/resourceGroups/rg`,
      ),
    );
    expect(await refusal(limited.resources.providers.register('Microsoft.Compute'))).toStrictEqual(
      unauthorized('Microsoft.Compute/register/action', `/subscriptions/${SUBSCRIPTION}`),
    );
  });

  it('takes back with notActions what actions give, and holds a role to its scope', async () => {
    await role(['Microsoft.Compute/*'], ['Microsoft.Compute/disks/delete'], GROUP_SCOPE);
    await limited.compute.disks.update(GROUP, 'data', { tags: { a: 'b' } });
    expect(await refusal(limited.compute.disks.delete(GROUP, 'data'))).toStrictEqual(
      unauthorized('Microsoft.Compute/disks/delete', diskId('data')),
    );
    await azure.resources.resourceGroups.createOrUpdate('apart', { location: REGION });
    expect(await refusal(makeDisk(limited, 'new', { group: 'apart' }))).toStrictEqual(
      unauthorized('Microsoft.Compute/disks/write', diskId('new', 'apart')),
    );
  });

  it('asks for rights on both groups of a move', async () => {
    await azure.resources.resourceGroups.createOrUpdate('goal', { location: REGION });
    const goal = `/subscriptions/${SUBSCRIPTION}/resourceGroups/goal`;
    const move = () =>
      refusal(
        limited.resources.resources.moveResources(GROUP, { resources: [diskId('data')], targetResourceGroup: goal }),
      );
    await role(['*/read']);
    expect(await move()).toStrictEqual(
      unauthorized('Microsoft.Resources/subscriptions/resourceGroups/moveResources/action', GROUP_SCOPE),
    );
    await role(['Microsoft.Resources/subscriptions/resourceGroups/moveResources/action']);
    expect(await move()).toStrictEqual(unauthorized('Microsoft.Resources/subscriptions/resourceGroups/write', goal));
  });

  it('tells the asker what it may do in a resource group', async () => {
    const permissions = async (token?: string) =>
      (
        await raw(azure, 'GET', `${GROUP_SCOPE}/providers/Microsoft.Authorization/permissions?api-version=2022-04-01`, {
          ...(token === undefined ? {} : { token }),
        })
      ).json['value'];
    expect(await permissions()).toStrictEqual([
      { actions: ['*'], notActions: [], dataActions: [], notDataActions: [] },
    ]);
    await role(['*/read'], ['Microsoft.Network/*']);
    expect(await permissions(LIMITED)).toStrictEqual([
      { actions: ['*/read'], notActions: ['Microsoft.Network/*'], dataActions: [], notDataActions: [] },
    ]);
    await role(['*/read'], [], `/subscriptions/${SUBSCRIPTION}/resourceGroups/other`);
    expect(await permissions()).toStrictEqual([
      { actions: ['*'], notActions: [], dataActions: [], notDataActions: [] },
    ]);
  });

  it("keeps the emulator's own interface for its own token", async () => {
    await role(['*']);
    const answer = await raw(azure, 'GET', '/_emulator/settings', { token: LIMITED });
    expect([answer.status, (answer.json['error'] as { code: string }).code]).toStrictEqual([
      403,
      'AuthorizationFailed',
    ]);
  });

  it('refuses what a policy denies, with the policy in the message and beside it', async () => {
    await settings({
      policies: [{ name: 'eu-only', displayName: 'Allowed locations', notLocations: ['West Europe'] }],
    });
    const denied = await refusal(makeDisk(azure, 'far', { location: 'eastus' }));
    const assignment = `/subscriptions/${SUBSCRIPTION}/providers/Microsoft.Authorization/policyAssignments/eu-only`;
    const definition = `/subscriptions/${SUBSCRIPTION}/providers/Microsoft.Authorization/policyDefinitions/eu-only`;
    expect(denied).toStrictEqual({
      status: 403,
      code: 'RequestDisallowedByPolicy',
      message:
        `Resource 'far' was disallowed by policy. Policy identifiers: '[{"policyAssignment":{"name":"Allowed locations","id":"${assignment}"},` +
        `"policyDefinition":{"name":"Allowed locations","id":"${definition}"}}]'.`,
    });
    const { target, additionalInfo } = answers.error() ?? {};
    expect(target).toBe('far');
    expect(additionalInfo?.[0]?.type).toBe('PolicyViolation');
    expect(additionalInfo?.[0]?.info['policyAssignmentId']).toBe(assignment);
    expect(additionalInfo?.[0]?.info['policyDefinitionEffect']).toBe('deny');
    await makeDisk(azure, 'near');
  });

  it('denies by tag, by missing tag, by type and by scope, and judges a change by what it would leave', async () => {
    const code = async (call: PromiseLike<unknown>): Promise<string | undefined> => (await refusal(call)).code;
    await settings({ policies: [{ name: 'owned', missingTag: 'owner' }] });
    expect(await code(makeDisk(azure, 'bare'))).toBe('RequestDisallowedByPolicy');
    await makeDisk(azure, 'owned', { tags: { Owner: 'me' } });
    await azure.compute.disks.update(GROUP, 'owned', { diskSizeGB: 2 });
    expect(await code(azure.compute.disks.update(GROUP, 'owned', { tags: { other: 'x' } }))).toBe(
      'RequestDisallowedByPolicy',
    );
    await azure.resources.resourceGroups.createOrUpdate('untagged', { location: REGION });

    await settings({ policies: [{ name: 'no-secrets', tag: { name: 'class', value: 'secret' } }] });
    expect(await code(makeDisk(azure, 's', { tags: { class: 'secret' } }))).toBe('RequestDisallowedByPolicy');
    await makeDisk(azure, 's', { tags: { class: 'public' } });

    const groups = 'Microsoft.Resources/subscriptions/resourceGroups';
    await settings({ policies: [{ name: 'no-groups', resourceTypes: [groups] }] });
    expect(await code(azure.resources.resourceGroups.createOrUpdate('more', { location: REGION }))).toBe(
      'RequestDisallowedByPolicy',
    );
    await settings({
      policies: [{ name: 'no-nics', resourceTypes: ['Microsoft.Network/networkInterfaces'], scope: GROUP_SCOPE }],
    });
    expect(await code(makeNic(azure, 'nic'))).toBe('RequestDisallowedByPolicy');
    await makeNic(azure, 'nic', 'untagged');
  });

  it('tells beforehand what policies say to a resource, at its group or in the subscription, and changes nothing', async () => {
    const at = (scope: string) =>
      `${scope}/providers/Microsoft.PolicyInsights/checkPolicyRestrictions?api-version=2023-03-01`;
    const type = 'Microsoft.Compute/disks';
    const ask = async (content: object, more: object = {}, scope = GROUP_SCOPE, token?: string) => {
      const resourceDetails = {
        resourceContent: { type, name: 'd', location: REGION, ...content },
        apiVersion: '2024-03-02',
      };
      const body = JSON.stringify({ resourceDetails, ...more });
      const { status, json } = await raw(azure, 'POST', at(scope), { body, ...(token === undefined ? {} : { token }) });
      if (status !== 200) return (json['error'] as { code: string }).code;
      const found = json['contentEvaluationResult'] as {
        policyEvaluations: { policyInfo: { policyAssignmentId: string }; effectDetails: { policyEffect: string } }[];
      };
      return found.policyEvaluations.map(({ policyInfo, effectDetails }) => [
        policyInfo.policyAssignmentId.split('/').at(-1),
        effectDetails.policyEffect,
      ]);
    };
    await settings({
      policies: [
        { name: 'no-premium', skus: ['Premium_LRS', 'Standard_D2s_v5'] },
        { name: 'owned', missingTag: 'owner', effect: 'audit' },
        { name: 'not-here', scope: GROUP_SCOPE, tag: { name: 'class', value: 'secret' } },
      ],
    });
    const premium = { sku: { name: 'Premium_LRS' } };
    expect(await ask(premium)).toStrictEqual([['no-premium', 'Deny']]);
    expect(await ask(premium, { includeAuditEffect: true })).toStrictEqual([
      ['no-premium', 'Deny'],
      ['owned', 'Audit'],
    ]);
    const large = {
      type: 'Microsoft.Compute/virtualMachines',
      properties: { hardwareProfile: { vmSize: 'standard_d2s_v5' } },
    };
    expect(await raw(azure, 'GET', `${diskId('d')}?api-version=2024-03-02`)).toMatchObject({ status: 404 });
    expect(await ask({ tags: { class: 'secret' } })).toStrictEqual([['not-here', 'Deny']]);
    expect(await ask({ tags: { class: 'secret' } }, {}, `/subscriptions/${SUBSCRIPTION}`)).toStrictEqual([]);
    expect(await ask({}, {}, `/subscriptions/${SUBSCRIPTION}/resourceGroups/none`)).toBe('ResourceGroupNotFound');
    // As strict as with what it takes: no member that Azure does not know, no version that the type does not have.
    expect(await ask({}, { wish: true })).toBe('InvalidRequestContent');
    expect(await ask({ type: 'disks' })).toBe('InvalidParameter');
    expect(await ask(large)).toBe('NoRegisteredProviderFound');
    await settings({ policies: [{ name: 'owned', missingTag: 'owner', effect: 'audit' }] });
    await makeDisk(azure, 'noted');
    await settings({ policies: [{ name: 'no-premium', skus: ['Premium_LRS'] }] });

    await role(['*/read']);
    expect(await ask(premium, {}, GROUP_SCOPE, LIMITED)).toStrictEqual([['no-premium', 'Deny']]);
    await role(['Microsoft.Compute/*']);
    expect(await ask(premium, {}, GROUP_SCOPE, LIMITED)).toBe('AuthorizationFailed');
    await settings({ unregisteredProviders: ['Microsoft.PolicyInsights'] });
    expect(await ask(premium)).toBe('MissingSubscriptionRegistration');
  });

  it('refuses changes through a provider that is not registered, until it is', async () => {
    await settings({ unregisteredProviders: ['Microsoft.Compute'], delaysMs: { 'providers.register': 60_000 } });
    const state = async () => (await azure.resources.providers.get('Microsoft.Compute')).registrationState;
    const refused = async () => (await refusal(makeDisk(azure, 'new'))).code;
    expect([await state(), await refused()]).toStrictEqual(['NotRegistered', 'MissingSubscriptionRegistration']);
    expect((await azure.resources.providers.register('Microsoft.Compute')).registrationState).toBe('Registering');
    expect([await state(), await refused()]).toStrictEqual(['Registering', 'MissingSubscriptionRegistration']);
    await settings({ unregisteredProviders: ['Microsoft.Network'], delaysMs: {} });
    await azure.resources.providers.register('Microsoft.Network');
    expect((await azure.resources.providers.get('Microsoft.Network')).registrationState).toBe('Registered');
    await azure.resources.providers.unregister('Microsoft.Network');
    expect((await refusal(makeNic(azure, 'nic'))).code).toBe('MissingSubscriptionRegistration');
  });

  it('shows and changes the tags of groups and resources as resources of their own', async () => {
    const tags = azure.resources.tagsOperations;
    const id = diskId('data').slice(1);
    await tags.createOrUpdateAtScope(id, { properties: { tags: { a: '1', b: '2' } } });
    await tags.updateAtScope(id, { operation: 'Merge', properties: { tags: { b: '3', c: '4' } } });
    expect((await azure.compute.disks.get(GROUP, 'data')).tags).toStrictEqual({ a: '1', b: '3', c: '4' });
    await tags.updateAtScope(id, { operation: 'Delete', properties: { tags: { a: '1' } } });
    expect((await tags.getAtScope(id)).properties?.tags).toStrictEqual({ b: '3', c: '4' });
    await tags.deleteAtScope(GROUP_SCOPE.slice(1));
    expect((await azure.resources.resourceGroups.get(GROUP)).tags).toStrictEqual({});
    expect((await refusal(tags.getAtScope(diskId('none').slice(1)))).code).toBe('ResourceNotFound');
  });
});
