import { describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const read = (path: string) => readFileSync(join(root, path), 'utf8');

/** Variables that programs of ours set for each other in tests; nobody sets them by hand. */
const OF_TESTS = /^LANDFALL_(TEST|CRASH)_/;

describe('the documentation', () => {
  const page = read('docs/configuration.md');

  it('describes every variable that a service or the command line reads', () => {
    const sources = globSync('{apps,libs}/*/src/**/*.ts', { cwd: root, exclude: (path) => path.includes('generated') });
    const shipped = sources.filter((path) => !/\.(test|fixture)\.ts$/.test(path) && !path.includes('libs/testing/'));
    const used = new Set(shipped.flatMap((path) => read(path).match(/\bLANDFALL_[A-Z][A-Z_]+[A-Z]\b/g) ?? []));
    const missing = [...used].filter((name) => !OF_TESTS.test(name) && !page.includes(`\`${name}\``));
    assert.ok(used.size > 15, `only ${used.size} variables were found`);
    expect(missing).toStrictEqual([]);
  });

  it('describes no variable that nothing reads', () => {
    const sources = globSync('{apps,libs,tools}/*/src/**/*.ts', { cwd: root }).map(read).join('\n');
    const described = new Set(
      page.match(/`(LANDFALL|RESTIC|AZURE)_[A-Z_]+`/g)?.map((word) => word.replaceAll('`', '')),
    );
    // The restic program reads these itself.
    for (const name of ['AZURE_ACCOUNT_KEY', 'AZURE_ACCOUNT_NAME']) described.delete(name);
    expect([...described].filter((name) => !sources.includes(name))).toStrictEqual([]);
  });

  it('has no link to a file that is not there', () => {
    for (const path of ['README.md', 'ARCHITECTURE.md', ...globSync('docs/*.md', { cwd: root })]) {
      for (const [, target] of read(path).matchAll(/\]\(([^)#:]+)(#[^)]*)?\)/g)) {
        const from = join(path, '..', target!);
        assert.doesNotThrow(() => readFileSync(join(root, from)), `${path} links to ${target}`);
      }
    }
  });
});
