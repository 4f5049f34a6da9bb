import { globSync } from 'node:fs';
import { join, relative } from 'node:path';

export const SUITES = ['unit', 'int', 'e2e', 'chaos'] as const;
export type Suite = (typeof SUITES)[number];

/** What each suite needs, and how many of its files run side by side. */
export const SUITE_SETTINGS: Record<Suite, { readonly servers: boolean; readonly concurrency: number }> = {
  unit: { servers: false, concurrency: 2 },
  int: { servers: true, concurrency: 2 },
  e2e: { servers: true, concurrency: 1 },
  chaos: { servers: true, concurrency: 1 },
};

/** The built test files of a suite, as absolute paths; `only` keeps those below one of these paths of the workspace. */
export function testFiles(workspace: string, suite: Suite, only: readonly string[]): string[] {
  return globSync(`{apps,libs,tools}/*/dist/**/*.${suite}.test.js`, { cwd: workspace })
    .filter((file) => only.length === 0 || only.some((prefix) => file.startsWith(clean(workspace, prefix))))
    .sort()
    .map((file) => join(workspace, file));
}

function clean(workspace: string, prefix: string): string {
  return (prefix.startsWith('/') ? relative(workspace, prefix) : prefix)
    .replace(/^\.\//, '')
    .replace(/\/src\//, '/dist/')
    .replace(/\.ts$/, '.js');
}
