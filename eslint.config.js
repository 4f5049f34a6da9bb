import js from '@eslint/js';
import nx from '@nx/eslint-plugin';
import tseslint from 'typescript-eslint';

/*
 * Who may import whom (ARCHITECTURE.md has the picture):
 *  - apps import any lib, never another app;
 *  - adapters and the pipeline import the domain; the domain imports nothing;
 *  - `testing` is for tests alone;
 *  - each third-party world stops at its adapter: the Azure SDK in libs/azure, Prisma in libs/persistence,
 *    BullMQ in libs/pipeline (and in the data-mover, which is a consumer of its own), Nest in apps.
 */
const lib = [
  'type:domain',
  'type:config',
  'type:observability',
  'type:disk',
  'type:pipeline',
  'type:transfer',
  'type:adapter',
];

const boundaries = [
  { sourceTag: 'type:domain', onlyDependOnLibsWithTags: [] },
  { sourceTag: 'type:config', onlyDependOnLibsWithTags: ['type:domain'] },
  { sourceTag: 'type:observability', onlyDependOnLibsWithTags: ['type:domain'] },
  { sourceTag: 'type:disk', onlyDependOnLibsWithTags: ['type:domain'] },
  { sourceTag: 'type:testing', onlyDependOnLibsWithTags: ['type:domain'] },
  { sourceTag: 'type:pipeline', onlyDependOnLibsWithTags: ['type:domain'] },
  { sourceTag: 'type:transfer', onlyDependOnLibsWithTags: ['type:domain', 'type:pipeline'] },
  { sourceTag: 'type:adapter', onlyDependOnLibsWithTags: ['type:domain'] },
  { sourceTag: 'type:app', onlyDependOnLibsWithTags: lib },
  // The command line starts the local stack.
  { sourceTag: 'type:cli', onlyDependOnLibsWithTags: [...lib, 'type:tool'] },
  { sourceTag: 'type:tool', onlyDependOnLibsWithTags: [...lib, 'type:tool'] },
];

/** Tests may use doubles, builders and the tools that they are run against. */
const testBoundaries = [{ sourceTag: '*', onlyDependOnLibsWithTags: ['*'] }];

const sdk = (allowed) => {
  const worlds = {
    azure: { regex: '^@azure(-rest)?/', message: 'The Azure SDK is known to libs/azure alone.' },
    prisma: { regex: '^(@prisma/|pg$|prisma$)', message: 'The database is known to libs/persistence alone.' },
    queue: { regex: '^(bullmq|ioredis)$', message: 'BullMQ is known to libs/pipeline alone.' },
    nest: { regex: '^(@nestjs/|express$|@bull-board/)', message: 'Nest is known to apps alone.' },
  };
  const patterns = Object.entries(worlds)
    .filter(([world]) => !allowed.includes(world))
    .map(([, pattern]) => pattern);
  return { 'no-restricted-imports': ['error', { patterns }] };
};

/**
 * Whatever of the clients is neither a reading nor a resumption changes Azure. It may be called in a function named `send`
 * only, which `perform` calls once the intent is written down.
 */
const azureIsChangedByPerform = {
  'no-restricted-syntax': [
    'error',
    {
      selector: [
        'CallExpression',
        ':matches([callee.object.object.property.name=/^(compute|network|resources)$/],',
        '[callee.object.object.name=/^(compute|network|resources)$/])',
        '[callee.property.name=/^(?!get$|list|sendRequest$)/]',
        ":not(Property[key.name='send'] *)",
      ].join(''),
      message: 'Azure is changed by `perform` alone: put the call into the `send` of a Change.',
    },
  ],
};

export default tseslint.config(
  { ignores: ['**/dist/**', '**/generated/**', '**/node_modules/**', '.nx/**', '**/.landfall/**'] },
  js.configs.recommended,
  ...tseslint.configs.strict,
  {
    plugins: { '@nx': nx },
    rules: {
      '@nx/enforce-module-boundaries': [
        'error',
        { depConstraints: boundaries, allow: [], enforceBuildableLibDependency: false },
      ],
      // `!` stands where a check just above makes a value certain and the type can't say it.
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/no-extraneous-class': 'off',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/no-dynamic-delete': 'off',
      '@typescript-eslint/unified-signatures': 'off',
      '@typescript-eslint/no-invalid-void-type': 'off',
      'no-constant-condition': ['error', { checkLoops: false }],
      eqeqeq: 'error',
      ...sdk([]),
    },
  },
  { files: ['libs/azure/**'], rules: { ...sdk(['azure']), ...azureIsChangedByPerform } },
  { files: ['libs/persistence/**', 'tools/schema-engine/**'], rules: sdk(['prisma']) },
  { files: ['libs/pipeline/**', 'apps/data-mover/**'], rules: sdk(['queue']) },
  { files: ['apps/api/**'], rules: sdk(['nest', 'queue']) },
  { files: ['apps/planner/**', 'apps/provisioner/**', 'apps/finalizer/**'], rules: sdk(['nest']) },
  { files: ['tools/local-stack/**'], rules: sdk(['prisma']) },
  {
    // The fault matrix is a test of the whole: it runs the apps' parts on doubles.
    files: ['**/*.test.ts', 'libs/testing/**', 'tools/chaos/**'],
    rules: {
      '@nx/enforce-module-boundaries': [
        'error',
        { depConstraints: testBoundaries, enforceBuildableLibDependency: false },
      ],
      'no-restricted-imports': 'off',
    },
  },
  {
    files: ['**/*.js', '**/*.mjs'],
    languageOptions: {
      globals: {
        console: 'readonly',
        process: 'readonly',
        URL: 'readonly',
        document: 'readonly',
        window: 'readonly',
        fetch: 'readonly',
        WebAssembly: 'readonly',
        globalThis: 'readonly',
        crypto: 'readonly',
        Buffer: 'readonly',
        setTimeout: 'readonly',
        clearTimeout: 'readonly',
        setInterval: 'readonly',
        clearInterval: 'readonly',
        EventSource: 'readonly',
        location: 'readonly',
        FormData: 'readonly',
        AbortController: 'readonly',
        TextDecoder: 'readonly',
        Intl: 'readonly',
        localStorage: 'readonly',
      },
    },
  },
);
