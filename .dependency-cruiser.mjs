/*
 * No files that import each other in a circle; imports of types alone count too. Between packages there can be none:
 * `tsc -b` refuses project references that run in a circle.
 */
export default {
  forbidden: [
    {
      name: 'no-circle',
      comment: 'Move what both files share into a file of its own, and name it after what it is.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'unresolved',
      comment: 'A file that is not found could hide a circle. Packages are found only once they are built.',
      severity: 'error',
      from: {},
      to: { path: '^[.]', couldNotResolve: true },
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.base.json' },
    doNotFollow: { path: ['node_modules', '/dist/'] },
    exclude: { path: ['/dist/', '/generated/'] },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['types', 'import', 'node', 'default'],
    },
  },
};
