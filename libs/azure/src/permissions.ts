import { BadInputError } from '@landfall/domain';
import type { AzureConnection } from './connection.js';
import { fromAzure } from './errors.js';
import { record } from './verbatim.js';

/* What the roles of Landfall's own identity allow at a scope, its groups' and inherited ones included. */
const API_VERSION = '2022-04-01';

/** A role, as it holds there. */
interface Permission {
  readonly actions: readonly string[];
  readonly notActions: readonly string[];
}

export async function actionsMissing(
  connection: AzureConnection,
  scopeId: string,
  actions: readonly string[],
): Promise<readonly string[]> {
  if (!/^\/subscriptions\/[^/?#]+\/resourceGroups\/[^/?#]+(\/providers(\/[^/?#]+)+)?$/i.test(scopeId))
    throw noScope(scopeId);
  const held = await heldAt(connection, scopeId);
  return actions.filter(
    (action) =>
      !held.some(
        ({ actions: allowed, notActions }) =>
          allowed.some((pattern) => covers(pattern, action)) && !notActions.some((pattern) => covers(pattern, action)),
      ),
  );
}

async function heldAt(connection: AzureConnection, scopeId: string): Promise<readonly Permission[]> {
  const held: Permission[] = [];
  let url: string | null = `${scopeId}/providers/Microsoft.Authorization/permissions?api-version=${API_VERSION}`;
  try {
    while (url !== null) {
      const { value, nextLink } = record(await connection.get(url));
      held.push(...(Array.isArray(value) ? value : []).map(permissionOf));
      url = typeof nextLink === 'string' && nextLink !== '' ? nextLink : null;
    }
  } catch (error) {
    throw fromAzure(error, `read what Landfall may do in ${scopeId}`);
  }
  return held;
}

function permissionOf(shown: unknown): Permission {
  const { actions, notActions } = record(shown);
  return { actions: textsIn(actions), notActions: textsIn(notActions) };
}

function textsIn(value: unknown): readonly string[] {
  return (Array.isArray(value) ? value : []).filter((each): each is string => typeof each === 'string');
}

/** `*` in a role's action stands for any text, and case for nothing. */
function covers(pattern: string, action: string): boolean {
  const text = pattern.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${text.join('.*')}$`, 'i').test(action);
}

function noScope(id: string): BadInputError {
  return new BadInputError({
    code: 'AZURE_ID_INVALID',
    message: `"${id}" is not the ID of a resource group, or of a resource in one.`,
    fix: 'Give the full ID as Azure shows it.',
  });
}
