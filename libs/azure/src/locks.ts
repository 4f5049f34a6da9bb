import { BadInputError, type CloudLock } from '@landfall/domain';
import type { AzureConnection } from './connection.js';
import { fromAzure, isNotFound } from './errors.js';
import { sameId } from './ids.js';
import { record } from './verbatim.js';

/*
 * Management locks. A lock holds for all that lies beneath what it is set on. Whether a list shows those from above is not the
 * same for every level, so what a resource lies in is asked itself; below a resource group only what is asked about counts.
 */
const API_VERSION = '2020-05-01';
const LOCKS = '/providers/Microsoft.Authorization/locks';

export async function locksOn(connection: AzureConnection, scopeIds: readonly string[]): Promise<readonly CloudLock[]> {
  const found = new Map<string, CloudLock>();
  for (const scope of withWhatTheyLieIn(scopeIds)) {
    for (const lock of await listed(connection, scope)) found.set(lock.azureId.toLowerCase(), lock);
  }
  return [...found.values()];
}

/** Each once, those that others lie in first. */
function withWhatTheyLieIn(scopeIds: readonly string[]): readonly string[] {
  const scopes = scopeIds.flatMap((id) => {
    const [, subscription, group, rest] =
      /^(\/subscriptions\/[^/?#]+)(?:(\/resourceGroups\/[^/?#]+)(\/providers(?:\/[^/?#]+)+)?)?$/i.exec(id) ?? [];
    if (subscription === undefined) throw noScope(id);
    return [subscription, ...(group ? [`${subscription}${group}`] : []), ...(rest ? [id] : [])];
  });
  return scopes
    .filter((scope, index) => scopes.findIndex((each) => sameId(each, scope)) === index)
    .sort((left, right) => left.split('/').length - right.split('/').length);
}

/** None where there is no such thing. */
async function listed(connection: AzureConnection, scope: string): Promise<readonly CloudLock[]> {
  const locks: CloudLock[] = [];
  const filter = isResource(scope) ? '' : '&$filter=atScope()';
  let url: string | null = `${scope}${LOCKS}?api-version=${API_VERSION}${filter}`;
  try {
    while (url !== null) {
      const { value, nextLink } = record(await connection.get(url));
      locks.push(...(Array.isArray(value) ? value : []).map(lockOf));
      url = typeof nextLink === 'string' && nextLink !== '' ? nextLink : null;
    }
  } catch (error) {
    if (isNotFound(error)) return [];
    throw fromAzure(error, `list the locks on ${scope}`);
  }
  return locks;
}

/** A level that is not known is taken for the one that stops most. */
function lockOf(shown: unknown): CloudLock {
  const { id, name, properties } = record(shown);
  const azureId = typeof id === 'string' ? id : '';
  const level = record(properties)['level'] === 'CanNotDelete' ? 'CanNotDelete' : 'ReadOnly';
  const at = azureId.toLowerCase().lastIndexOf(LOCKS.toLowerCase());
  return { azureId, name: typeof name === 'string' ? name : '', scope: azureId.slice(0, Math.max(at, 0)), level };
}

function isResource(scope: string): boolean {
  return scope.split('/').length > 5;
}

function noScope(id: string): BadInputError {
  return new BadInputError({
    code: 'AZURE_ID_INVALID',
    message: `"${id}" is not the ID of a subscription, of a resource group, or of a resource in one.`,
    fix: 'Give the full ID as Azure shows it.',
  });
}
