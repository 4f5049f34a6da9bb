import { globSync } from 'node:fs';
import { join, relative } from 'node:path';

export const SUITES = ['unit', 'int', 'e2e', 'chaos'] as const;
export type Suite = (typeof SUITES)[number];

/** What each suite needs, and how many of its files run side by side. */
export const SUITE_SETTINGS: Record<Suite, { readonly servers: boolean; readonly concurrency: number }> = {
  unit: { servers: false, concurrency: 2 },
  int: { servers: true, concurrency: 2 },
  // They wait for each other's services more than they compute.
  e2e: { servers: true, concurrency: 2 },
  chaos: { servers: true, concurrency: 2 },
};

/** They take half a minute and more: begun last, each would leave the other processor idle for as long. */
const LONGEST_FIRST = [
  'tools/chaos/dist/matrix.chaos.test.js',
  'tools/end-to-end/dist/restic-to-vm.e2e.test.js',
  'tools/end-to-end/dist/taken-over-worker.e2e.test.js',
  'tools/bench/dist/whole-restore.e2e.test.js',
  'apps/data-mover/dist/mover.int.test.js',
  'tools/end-to-end/dist/demo.e2e.test.js',
  'tools/azure-emulator/dist/compute/snapshots.int.test.js',
  'libs/repository/dist/restic/restic-repository.int.test.js',
  'apps/finalizer/dist/finalizer.int.test.js',
  'tools/azure-emulator/dist/hypervisor/qemu-machines.int.test.js',
  'apps/provisioner/dist/provisioner.int.test.js',
];

/** The built test files of a suite, as absolute paths; `only` keeps those below one of these paths of the workspace. */
export function testFiles(workspace: string, suite: Suite, only: readonly string[]): string[] {
  return globSync(`{apps,libs,tools}/*/dist/**/*.${suite}.test.js`, { cwd: workspace })
    .filter((file) => only.length === 0 || only.some((prefix) => file.startsWith(clean(workspace, prefix))))
    .sort((a, b) => place(a) - place(b) || (a < b ? -1 : 1))
    .map((file) => join(workspace, file));
}

function place(file: string): number {
  const found = LONGEST_FIRST.indexOf(file);
  return found < 0 ? LONGEST_FIRST.length : found;
}

function clean(workspace: string, prefix: string): string {
  return (prefix.startsWith('/') ? relative(workspace, prefix) : prefix)
    .replace(/^\.\//, '')
    .replace(/\/src\//, '/dist/')
    .replace(/\.ts$/, '.js');
}
