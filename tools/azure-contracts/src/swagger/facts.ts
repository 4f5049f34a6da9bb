import { factsOf, type Facts } from '../published/facts.js';
import type { PublishedOperation } from '../published/operation.js';
import { packageOperations } from '../published/packages.js';
import { OPERATION_TABLE } from '../check/operation-table.js';
import { specifications } from './specifications.js';

/** The facts that the specifications in this folder tell of the operations in the table. */
export async function derivedFacts(folder: string): Promise<Facts> {
  const inTable = new Set(OPERATION_TABLE.map(({ operation }) => operation));
  const packages = await packageOperations();
  const wanted = new Set(packages.filter(({ id }) => inTable.has(id)).map(request));
  return factsOf(specifications(folder).operations.filter((operation) => wanted.has(request(operation))));
}

/** Method and path, whatever their parameters are called: documents and packages name operations in different ways. */
function request({ method, path }: PublishedOperation): string {
  return `${method} ${path
    .replace(/\{[^}]*\}/g, '{}')
    .replace(/^\/?/, '/')
    .toLowerCase()}`;
}
