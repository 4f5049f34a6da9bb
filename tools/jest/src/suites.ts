export const SUITES = ['unit', 'int', 'e2e', 'chaos'] as const;
export type Suite = (typeof SUITES)[number];

/** They take half a minute and more: begun last, each would leave the other worker idle for as long. */
export const LONGEST_FIRST = [
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

/**
 * The order in which built test files, as paths of the workspace, are begun: the longest first over all suites, then suite
 * by suite, so that all workers are busy to the end.
 */
export function inOrder(left: string, right: string): number {
  return rank(left) - rank(right) || (left < right ? -1 : 1);
}

function rank(file: string): number {
  const long = LONGEST_FIRST.indexOf(file);
  return long >= 0 ? long : LONGEST_FIRST.length + SUITES.findIndex((suite) => file.endsWith(`.${suite}.test.js`));
}
