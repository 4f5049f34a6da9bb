export const SUITES = ['unit', 'int', 'e2e', 'chaos'] as const;
export type Suite = (typeof SUITES)[number];

/**
 * They take half a minute and more: begun last, each would leave the other lanes idle for as long. Whole stacks from the longest to
 * the shortest, for the lane that begins here; the others the other way round, for the lanes that come to them from the end.
 */
export const LONGEST_FIRST = [
  'tools/chaos/dist/matrix.chaos.test.js',
  'tools/end-to-end/dist/one-stack.e2e.test.js',
  'tools/end-to-end/dist/demo.e2e.test.js',
  'tools/local-stack/dist/stack.e2e.test.js',
  'tools/bench/dist/empty-restore.e2e.test.js',
  'tools/chaos/dist/simulation/simulation.chaos.test.js',
  'apps/provisioner/dist/provisioner.int.test.js',
  'tools/azure-emulator/dist/hypervisor/qemu-machines.int.test.js',
  'apps/finalizer/dist/cut-over/check-boot.int.test.js',
  'apps/finalizer/dist/finalizer.int.test.js',
  'libs/repository/dist/restic/restic-repository.int.test.js',
  'apps/data-mover/dist/mover.int.test.js',
];

/**
 * The order of built test files, as paths of the workspace, from the longest to the shortest: whole stacks, then those that
 * share servers, then those that need none. One lane begins at its head, the others at its end.
 */
export function inOrder(left: string, right: string): number {
  return rank(left) - rank(right) || (left < right ? -1 : 1);
}

function rank(file: string): number {
  const long = LONGEST_FIRST.indexOf(file);
  if (long >= 0) return long;
  const suite = SUITES.findIndex((each) => file.endsWith(`.${each}.test.js`));
  return LONGEST_FIRST.length + SUITES.length - suite;
}
