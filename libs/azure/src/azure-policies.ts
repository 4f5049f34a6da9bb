import {
  PermanentError,
  type CloudPolicies,
  type PolicyAnswer,
  type PolicyDenial,
  type ToBeMade,
} from '@landfall/domain';
import type { AzureConnection } from './connection.js';
import { Drafts, type Draft } from './drafts.js';
import { fromAzure, isNotFound } from './errors.js';
import { record } from './verbatim.js';

/*
 * What Azure's policies would say to something that is going to be made. All of it is known, so no fields are named as pending, and
 * what is restricted of those is not looked at: Azure judges the content as it is.
 * https://learn.microsoft.com/rest/api/policy/policy-restrictions
 */
const API_VERSION = '2023-03-01';
const QUESTION = '/providers/Microsoft.PolicyInsights/checkPolicyRestrictions';

/** As policies know a resource group. */
const GROUP_TYPE = 'Microsoft.Resources/subscriptions/resourceGroups';

export class AzurePolicies implements CloudPolicies {
  readonly #drafts: Drafts;

  constructor(private readonly connection: AzureConnection) {
    this.#drafts = new Drafts(connection.subscriptionId);
  }

  async denying(wanted: ToBeMade): Promise<PolicyAnswer> {
    const draft = await this.#drafts.of(wanted);
    try {
      return answerIn(await asked(this.connection, draft), draft.azureId);
    } catch (error) {
      const refused = fromAzure(error, `tell which policies deny ${draft.azureId}`);
      // It stops nothing: whoever makes it is told what stands against it.
      if (refused instanceof PermanentError) return { denials: [], untold: refused.toDetails() };
      throw refused;
    }
  }
}

/** In its resource group; where that does not exist yet, in the subscription, whose policies will hold for it. */
async function asked(connection: AzureConnection, draft: Draft): Promise<unknown> {
  const [, subscription = '', group = ''] =
    /^(\/subscriptions\/[^/]+)(\/resourceGroups\/[^/]+)?/i.exec(draft.azureId) ?? [];
  const [, type = GROUP_TYPE] = /\/providers\/([^/]+\/[^/]+)\/[^/]+$/i.exec(draft.azureId) ?? [];
  const name = draft.azureId.slice(draft.azureId.lastIndexOf('/') + 1);
  const resourceDetails = { resourceContent: { ...draft.body, type, name }, apiVersion: draft.apiVersion };
  const ask = (scope: string): Promise<unknown> =>
    connection.ask(`${scope}${QUESTION}?api-version=${API_VERSION}`, { resourceDetails, includeAuditEffect: false });
  if (type === GROUP_TYPE) return ask(subscription);
  try {
    return await ask(`${subscription}${group}`);
  } catch (error) {
    if (!isNotFound(error)) throw error;
    return ask(subscription);
  }
}

/** Only what is not complied with is told; a policy that Azure could not judge is told of, too, under another result. */
function answerIn(answer: unknown, azureId: string): PolicyAnswer {
  const { policyEvaluations } = record(record(answer)['contentEvaluationResult']);
  const evaluations = (Array.isArray(policyEvaluations) ? policyEvaluations : []).map(record);
  const denying = evaluations.filter((each) => effectOf(each) === 'deny');
  const isJudged = ({ evaluationResult }: Evaluation): boolean =>
    textOf(evaluationResult).toLowerCase() === 'noncompliant';
  const unjudged = denying.filter((each) => !isJudged(each)).map(denialOf);
  return {
    denials: denying.filter(isJudged).map(denialOf),
    untold: unjudged[0] === undefined ? null : notJudged(unjudged[0], azureId),
  };
}

type Evaluation = Readonly<Record<string, unknown>>;

/** Where none is told it is one that denies: others were not asked for. */
function effectOf({ effectDetails }: Evaluation): string {
  return (textOf(record(effectDetails)['policyEffect']) || 'deny').toLowerCase();
}

function denialOf({ policyInfo, evaluationDetails }: Evaluation): PolicyDenial {
  const { policyAssignmentId, policyDefinitionId } = record(policyInfo);
  const reason = textOf(record(evaluationDetails)['reason']);
  return {
    ...{ assignmentId: textOf(policyAssignmentId), definitionId: textOf(policyDefinitionId) },
    reason: reason === '' ? null : reason,
  };
}

function notJudged({ assignmentId }: PolicyDenial, azureId: string): PolicyAnswer['untold'] {
  return {
    code: 'POLICY_UNJUDGED',
    message: `Azure could not judge ${azureId} by the policy ${assignmentId}.`,
    fix: 'Look at the policy: something in its rule may be wrong.',
  };
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
