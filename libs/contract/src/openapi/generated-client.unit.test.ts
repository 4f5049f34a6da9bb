import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { openApiDocument } from './document.js';

const MODULES = fileURLToPath(new URL('../../../../node_modules/', import.meta.url));
const run = promisify(execFile);

/** What somebody writes who has the client: it compiles only where the document gives the client real types. */
const USE = `
import { createRestore, listRestores, planRestore, showRestore } from './client';
import type { Problem, Restore, RestorePlan, RestoreState } from './client';

export async function use(): Promise<string> {
  const { data: restore, error } = await showRestore({ path: { id: 'r4m7' } });
  if (restore === undefined) {
    const problem: Problem = error;
    return problem.fix;
  }
  const state: RestoreState = restore.state;
  const whole: Restore = restore;
  const done: number = whole.disks.reduce((sum, disk) => sum + disk.bytesDone, 0);

  const { data: plan } = await planRestore({ body: { restorePointId: 'rp-1', destination: { kind: 'new' } } });
  const made: RestorePlan | undefined = plan;
  const refused = made?.problems.some((each) => each.severity === 'error');

  await createRestore({
    body: { restorePointId: 'rp-1', destination: { kind: 'new', name: 'web' }, generation: 1, verify: 'full' },
    headers: { 'Idempotency-Key': 'night-run/1' },
  });
  const { data: running } = await listRestores({ query: { state: ['running'], limit: 10 } });

  // @ts-expect-error: the request has no such field.
  await planRestore({ body: { restorePointId: 'rp-1', destination: { kind: 'new' }, force: true } });
  // @ts-expect-error: a field is missing.
  await planRestore({ body: { restorePointId: 'rp-1' } });
  // @ts-expect-error: no restore has this state.
  await listRestores({ query: { state: ['dancing'] } });
  // @ts-expect-error: the answer has no such field.
  return [state, done, refused, running?.[0]?.id, restore.colour].join();
}
`;

const CONFIG = {
  compilerOptions: {
    target: 'ES2024',
    lib: ['ES2024', 'DOM', 'DOM.Iterable'],
    module: 'ESNext',
    moduleResolution: 'Bundler',
    strict: true,
    noEmit: true,
    types: [],
    skipLibCheck: true,
  },
  include: ['**/*.ts'],
};

describe('a TypeScript client that is generated from the OpenAPI document', () => {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'landfall-client-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('compiles, strictly, with what its users write', async () => {
    await writeFile(join(folder, 'document.json'), JSON.stringify(openApiDocument()));
    await writeFile(join(folder, 'use.ts'), USE);
    await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(CONFIG));
    const generator = join(MODULES, '@hey-api/openapi-ts/bin/run.js');
    const words = ['-i', 'document.json', '-o', 'client', '-c', '@hey-api/client-fetch', '--silent'];
    await run(process.execPath, [generator, ...words], { cwd: folder });
    expect(await readFile(join(folder, 'client/types.gen.ts'), 'utf8')).toMatch(/^export type Restore = \{$/m);
    const compiler = join(MODULES, 'typescript/bin/tsc');
    const said = await run(process.execPath, [compiler, '-p', folder]).then(
      ({ stdout }) => stdout,
      (error: { stdout: string }) => error.stdout,
    );
    expect(said).toBe('');
  });
});
