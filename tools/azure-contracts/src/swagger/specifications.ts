import { existsSync, globSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { PublishedOperation } from '../published/operation.js';
import { Documents } from './documents.js';
import { swaggerOperations } from './operations.js';

/*
 * Where the public OpenAPI specifications of Azure lie beside a checkout, the facts in the workspace are held against
 * them. They are not part of it: LANDFALL_AZURE_SPECS names the folder that holds `specroot`; without it they are looked for in
 * `shared/azure-specs` beside the workspace and above it.
 */
const WORKSPACE = fileURLToPath(new URL('../../../..', import.meta.url));
const PLACE = 'shared/azure-specs';

export function specificationFolder(): string | null {
  const named = process.env['LANDFALL_AZURE_SPECS'];
  const places = named === undefined ? ['..', '../..'].map((up) => resolve(WORKSPACE, up, PLACE)) : [resolve(named)];
  return places.find((place) => existsSync(join(place, 'specroot'))) ?? null;
}

export interface Specifications {
  readonly operations: readonly PublishedOperation[];
  /** Definitions that a document refers to and that are not there; anything is right in their place. */
  readonly unresolved: ReadonlySet<string>;
}

export function specifications(folder: string): Specifications {
  const providers = globSync('specroot/specification/*/resource-manager/**/*.json', { cwd: folder })
    .filter((file) => !file.includes('/examples/'))
    .map((file) => join(folder, file))
    .sort();
  const newer = join(folder, 'virtualMachine-2024-07-01.json');
  const older = providers.find((file) => file.endsWith('/virtualMachine.json'));
  const files = providers.filter((file) => file !== older || !existsSync(newer));
  if (existsSync(newer)) files.push(newer);
  // The newer document of virtual machines stands alone; what it refers to is there in an older version.
  const documents = new Documents(new Map(older === undefined ? [] : [[newer, dirname(older)]]));
  return { operations: swaggerOperations(files, documents), unresolved: documents.unresolved };
}
