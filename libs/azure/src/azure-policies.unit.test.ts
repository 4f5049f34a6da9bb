import { describe, expect, it } from '@jest/globals';
import { createHttpHeaders, type HttpClient, type PipelineRequest } from '@azure/core-rest-pipeline';
import { Secret, type DiskSpec, type PolicyAnswer, type RequestBudget, type ToBeMade } from '@landfall/domain';
import { MemoryJournal } from '@landfall/testing';
import { AzureCloud } from './azure-cloud.js';
import { connectClients } from './connection.js';

const SUBSCRIPTION = '35ee058e-5fa0-414c-8145-3ebb8d09b6e2';
const POLICIES = `/subscriptions/${SUBSCRIPTION}/providers/microsoft.authorization`;
const LOCATED = {
  ...{ resourceGroup: 'apps', region: 'westeurope', zone: '1', name: 'web-os', tags: { team: 'shop' } },
  ...{ role: 'disk', purpose: 'result' as const },
};
const DISK: DiskSpec = { ...LOCATED, sizeBytes: 1024 ** 3, sku: 'Premium_LRS', os: { family: 'linux', generation: 2 } };
const WANTED: ToBeMade = { kind: 'disk', spec: DISK, waitsForUpload: true };

/** As Azure answers, in Microsoft's own example (PolicyRestrictions_CheckAtResourceGroupScope), with these effects and results. */
function evaluation(policyEffect: string | null, evaluationResult = 'NonCompliant', reason?: string): object {
  return {
    policyInfo: {
      policyDefinitionId: `${POLICIES}/policyDefinitions/435CAE41`,
      policySetDefinitionId: `${POLICIES}/policySetDefinitions/2162358E`,
      policyDefinitionReferenceId: 'defref222',
      policyAssignmentId: `${POLICIES}/policyAssignments/2FF66C37`,
    },
    evaluationResult,
    evaluationDetails: { evaluatedExpressions: [], ...(reason === undefined ? {} : { reason }) },
    ...(policyEffect === null ? {} : { effectDetails: { policyEffect } }),
  };
}

const refusal = (code: string) => ({ error: { code, message: 'Azure says why.' } });

describe('asking what policies deny', () => {
  it('asks about the very request that makes it, in its resource group, and counts as a read', async () => {
    const { cloud, sent, taken, answers } = connected();
    answers.push([200, { contentEvaluationResult: { policyEvaluations: [] } }]);
    expect(await cloud.policies.denying(WANTED)).toStrictEqual({ denials: [], untold: null });
    answers.push([404, {}], [400, refusal('InvalidParameter')], [404, {}]);
    await expect(cloud.disks.ensureUpload(DISK, new MemoryJournal('r1'))).rejects.toThrow();
    const [question, , making] = sent;
    const { pathname, searchParams } = new URL(question!.url);
    expect([question!.method, pathname, searchParams.get('api-version')]).toStrictEqual([
      'POST',
      `/subscriptions/${SUBSCRIPTION}/resourceGroups/apps/providers/Microsoft.PolicyInsights/checkPolicyRestrictions`,
      '2023-03-01',
    ]);
    expect(making!.method).toBe('PUT');
    expect(JSON.parse(String(question!.body))).toStrictEqual({
      resourceDetails: {
        resourceContent: { ...bodyOf(making!), type: 'Microsoft.Compute/disks', name: 'web-os' },
        apiVersion: new URL(making!.url).searchParams.get('api-version'),
      },
      includeAuditEffect: false,
    });
    expect(taken.slice(0, 1)).toStrictEqual(['read']);
  });

  it('tells of each policy that denies, with its ids and its reason, and of none that does something else', async () => {
    const { cloud, answers } = connected();
    const policyEvaluations = [
      evaluation('Deny', 'NonCompliant', 'Only in Europe.'),
      ...['Audit', 'Append', 'Modify', 'DeployIfNotExists', 'Disabled'].map((effect) => evaluation(effect)),
      evaluation(null),
      evaluation('deny', 'Compliant'),
    ];
    // What is restricted of fields concerns those alone that are named as pending.
    const fieldRestrictions = [{ field: 'tags.cost', restrictions: [{ result: 'Required', policyEffect: 'Deny' }] }];
    answers.push([200, { fieldRestrictions, contentEvaluationResult: { policyEvaluations } }]);
    const ids = {
      assignmentId: `${POLICIES}/policyAssignments/2FF66C37`,
      definitionId: `${POLICIES}/policyDefinitions/435CAE41`,
    };
    const answer = await cloud.policies.denying(WANTED);
    expect(answer.denials).toStrictEqual([
      { ...ids, reason: 'Only in Europe.' },
      { ...ids, reason: null },
    ]);
  });

  it('says that nobody knows where Azure could not judge by a policy that denies', async () => {
    const { cloud, answers } = connected();
    const policyEvaluations = [evaluation('Audit', 'Error'), evaluation('Deny', 'Error')];
    answers.push([200, { contentEvaluationResult: { policyEvaluations } }]);
    const { denials, untold } = await cloud.policies.denying(WANTED);
    expect([denials, untold?.code]).toStrictEqual([[], 'POLICY_UNJUDGED']);
  });

  it.each([
    [403, 'AuthorizationFailed', 'PERMISSION'],
    [409, 'MissingSubscriptionRegistration', 'PROVIDER_NOT_REGISTERED'],
    [400, 'InvalidCheckRestrictionsRequest', 'AZURE_REFUSED'],
  ])('refuses nothing where Azure does not tell (%d %s)', async (status, code, told) => {
    const { cloud, answers } = connected();
    answers.push([status, refusal(code)]);
    const { denials, untold } = await cloud.policies.denying(WANTED);
    expect([denials, untold?.code]).toStrictEqual([[], told]);
  });

  it('is asked again where Azure is away, as every read', async () => {
    const { cloud, answers } = connected();
    answers.push(...[1, 2, 3, 4].map((): Answered => [503, {}]));
    await expect(cloud.policies.denying(WANTED)).rejects.toMatchObject({ kind: 'retryable' });
  });

  it('asks in the subscription about a resource group, and about what lies in one that is not there yet', async () => {
    const { cloud, sent, answers } = connected();
    const scopes = () => sent.map(({ url }) => new URL(url).pathname.split('/providers/')[0]);
    const empty: Answered = [200, { contentEvaluationResult: { policyEvaluations: [] } }];
    const passed: PolicyAnswer = { denials: [], untold: null };
    answers.push([404, refusal('ResourceGroupNotFound')], empty);
    expect(await cloud.policies.denying(WANTED)).toStrictEqual(passed);
    answers.push(empty);
    expect(await cloud.policies.denying({ kind: 'resource-group', spec: LOCATED })).toStrictEqual(passed);
    const subscription = `/subscriptions/${SUBSCRIPTION}`;
    expect(scopes()).toStrictEqual([`${subscription}/resourceGroups/apps`, subscription, subscription]);
    expect(bodyOf(sent[2]!)).toMatchObject({
      resourceDetails: {
        resourceContent: {
          ...{ type: 'Microsoft.Resources/subscriptions/resourceGroups', name: 'web-os' },
          ...{ location: 'westeurope', tags: { team: 'shop' } },
        },
      },
    });
  });
});

type Answered = [status: number, body: unknown];

function bodyOf({ body }: PipelineRequest): object {
  return JSON.parse(String(body)) as object;
}

function connected() {
  const sent: PipelineRequest[] = [];
  const taken: string[] = [];
  const answers: Answered[] = [];
  const budget: RequestBudget = {
    take: async ({ kind }) => void taken.push(kind),
    answered: async () => undefined,
    close: async () => undefined,
  };
  const transport: HttpClient = {
    sendRequest: async (request) => {
      sent.push(request);
      const [status, body] = answers.shift() ?? [404, {}];
      const headers = createHttpHeaders({ 'content-type': 'application/json', 'retry-after': '0' });
      return { request, status, headers, bodyAsText: JSON.stringify(body) };
    },
  };
  const settings = { subscriptionId: SUBSCRIPTION, endpoint: 'https://arm.test', applianceId: 'a', budget };
  const cloud = new AzureCloud(connectClients({ ...settings, token: new Secret('t') }, transport), 'a');
  return { cloud, sent, taken, answers };
}
