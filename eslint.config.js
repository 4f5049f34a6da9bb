import js from '@eslint/js';
import nx from '@nx/eslint-plugin';
import tseslint from 'typescript-eslint';

/*
 * Who may import whom (ARCHITECTURE.md has the picture):
 *  - apps import any lib, never another app;
 *  - adapters and the pipeline import the domain; the domain imports nothing;
 *  - `testing` is for tests alone, and for `tools/chaos`, which is one of the whole;
 *  - each third-party world stops at its adapter: the Azure SDK in libs/azure, Prisma in libs/persistence,
 *    BullMQ in libs/pipeline and in libs/service, which takes the jobs, Nest in libs/service and the apps.
 */
const lib = [
  'type:domain',
  'type:contract',
  'type:config',
  'type:observability',
  'type:disk',
  'type:pipeline',
  'type:service',
  'type:transfer',
  'type:adapter',
];

/**
 * By the tag of whoever imports: what its product may import, and what its tests may use besides (doubles and builders, the
 * adapters and the tools that they run against).
 */
const may = {
  'type:domain': { use: [] },
  'type:contract': { use: ['type:domain'], test: ['type:testing'] },
  'type:config': { use: ['type:domain'] },
  'type:observability': { use: ['type:domain'] },
  'type:disk': { use: ['type:domain'], test: ['type:testing'] },
  'type:testing': { use: ['type:domain'] },
  'type:pipeline': { use: ['type:domain', 'type:contract'], test: ['type:testing', 'type:adapter'] },
  'type:transfer': { use: ['type:domain', 'type:pipeline'], test: ['type:testing', 'type:adapter'] },
  'type:service': {
    use: ['type:domain', 'type:config', 'type:observability', 'type:pipeline', 'type:adapter'],
    test: ['type:testing'],
  },
  'type:adapter': { use: ['type:domain'], test: ['type:testing', 'type:tool'] },
  'type:app': { use: lib, test: ['type:testing', 'type:tool'] },
  // The command line starts the local stack.
  'type:cli': { use: [...lib, 'type:tool'], test: ['type:testing'] },
  'type:tool': { use: [...lib, 'type:tool'], test: ['type:testing'] },
  // Runs the apps' own parts on doubles: it may import what they export by name.
  'type:chaos': { use: [...lib, 'type:app', 'type:cli', 'type:testing', 'type:tool'] },
};

const boundaries = (isTest) => ({
  '@nx/enforce-module-boundaries': [
    'error',
    {
      depConstraints: Object.entries(may).map(([sourceTag, { use, test = [] }]) => ({
        sourceTag,
        onlyDependOnLibsWithTags: isTest ? [...use, ...test] : use,
      })),
      allow: [],
      enforceBuildableLibDependency: false,
    },
  ],
});

const sdk = (allowed) => {
  const worlds = {
    azure: { regex: '^@azure(-rest)?/', message: 'The Azure SDK is known to libs/azure alone.' },
    prisma: { regex: '^(@prisma/|pg$|prisma$)', message: 'The database is known to libs/persistence alone.' },
    queue: { regex: '^(bullmq|ioredis)$', message: 'BullMQ is known to libs/pipeline and libs/service alone.' },
    nest: { regex: '^(@nestjs/|express$|@bull-board/)', message: 'Nest is known to libs/service and apps alone.' },
    builders: {
      regex: '^@landfall/domain/builders$',
      message: 'Builders are for tests, which get them of libs/testing.',
    },
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
        '[callee.property.name=/^(?!get$|list|check|retrieve|sendRequest$)/]',
        ":not(Property[key.name='send'] *)",
      ].join(''),
      message: 'Azure is changed by `perform` alone: put the call into the `send` of a Change.',
    },
  ],
};

export default tseslint.config(
  { ignores: ['**/dist/**', '**/generated/**', '**/node_modules/**', '.nx/**', '**/.build/**', '**/.landfall/**'] },
  js.configs.recommended,
  ...tseslint.configs.strict,
  {
    plugins: { '@nx': nx },
    rules: {
      ...boundaries(false),
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
  { files: ['libs/pipeline/**'], rules: sdk(['queue']) },
  { files: ['libs/testing/**'], rules: sdk(['builders']) },
  { files: ['apps/api/**', 'libs/service/**'], rules: sdk(['nest', 'queue']) },
  {
    files: ['apps/planner/**', 'apps/provisioner/**', 'apps/finalizer/**', 'apps/data-mover/**'],
    rules: sdk(['nest']),
  },
  // A worker's queue, as its tests play it.
  { files: ['apps/data-mover/src/site/**'], rules: sdk(['queue']) },
  { files: ['tools/local-stack/**'], rules: sdk(['prisma']) },
  // Its own client of Azure, of the queues' server and of the database, and the addresses of the queues' dashboard.
  { files: ['tools/chaos/**'], rules: sdk(['azure', 'prisma', 'queue', 'nest']) },
  { files: ['**/*.test.ts'], rules: boundaries(true) },
  // Tests that look behind an adapter, or stand for a client.
  { files: ['apps/api/**/*.test.ts'], rules: sdk(['nest', 'queue', 'prisma']) },
  { files: ['libs/transfer/**/*.test.ts'], rules: sdk(['prisma']) },
  { files: ['tools/azure-contracts/**/*.test.ts', 'tools/azure-emulator/**/*.test.ts'], rules: sdk(['azure']) },
  { files: ['tools/end-to-end/**/*.test.ts'], rules: sdk(['azure', 'queue']) },
  { files: ['tools/local-stack/**/*.test.ts'], rules: sdk(['azure', 'prisma', 'queue']) },
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
