/**
 * Which folder may import which: docs/architecture.md says why. Imports point one way,
 * `core` ← `protocol`, `tensors` ← `redis`, `blobs`, `keras` ← `gateway`, `workers` ← `cli`.
 */

/** Everything of ours except these folders (under the root, e.g. `src/core`). */
const ownExcept = (...folders) => ({
  path: '^(src|workers|bench|test|examples)/',
  pathNot: under(...folders),
});
const under = (...folders) => `^(${folders.join('|')})/`;
const npm = ['npm', 'npm-dev', 'npm-optional', 'npm-peer', 'npm-bundled', 'npm-no-pkg', 'npm-unknown'];
const npmExcept = (...packages) => ({
  dependencyTypes: npm,
  pathNot: `(^|node_modules/)(${packages.join('|')})(/|$)`,
});

/** `folder` imports only itself and `allowed`. */
const onlyOwn = (folder, ...allowed) => ({
  name: `${folder.replace(/^src\//, '')}-imports-only-below`,
  comment: `${folder} may import only ${[folder, ...allowed].join(', ')}.`,
  severity: 'error',
  from: { path: under(folder) },
  to: ownExcept(folder, ...allowed),
});
const forbid = (name, comment, from, to) => ({ name, comment, severity: 'error', from, to });

const browser = { path: under('src/library', 'src/explora'), pathNot: 'node[^/]*\\.ts$' };

module.exports = {
  forbidden: [
    forbid('no-circular', 'Two files that need each other are one idea or three.', {}, { circular: true }),
    forbid(
      'resolvable',
      'The import does not resolve.',
      {},
      // Optional: it is missing where its native library cannot be downloaded.
      { couldNotResolve: true, pathNot: '^@tensorflow/tfjs-node$' },
    ),

    onlyOwn('src/core'),
    forbid(
      'core-is-pure',
      'core imports nothing with effects: no package, no node: module.',
      { path: under('src/core') },
      { dependencyTypes: [...npm, 'core'] },
    ),
    onlyOwn('src/protocol', 'src/core', 'src/tensors'),
    forbid(
      'protocol-tensors-types-only',
      'protocol may use the types of tensors, not its code.',
      { path: under('src/protocol') },
      { path: under('src/tensors'), dependencyTypesNot: ['type-only'] },
    ),
    forbid(
      'protocol-packages',
      'protocol needs zod, and its clients a check of Ed25519 signatures that runs in browsers.',
      { path: under('src/protocol') },
      npmExcept('zod', '@noble/ed25519'),
    ),
    onlyOwn('src/tensors', 'src/core'),
    forbid(
      'tensors-packages',
      'tensors needs no package, except for layers of TensorFlow.js.',
      { path: under('src/tensors'), pathNot: under('src/tensors/layers') },
      { dependencyTypes: npm },
    ),
    forbid(
      'layers-packages',
      'What adds layers to TensorFlow.js needs TensorFlow.js.',
      { path: under('src/tensors/layers') },
      npmExcept('@tensorflow/[^/]+'),
    ),
    forbid(
      'layers-stay-apart',
      'Who only cuts tensors into shards does not load TensorFlow.js.',
      { path: under('src/tensors'), pathNot: under('src/tensors/layers') },
      { path: under('src/tensors/layers') },
    ),
    forbid(
      'browser-safe',
      'protocol and tensors end up in browsers: no node: modules.',
      { path: under('src/protocol', 'src/tensors'), pathNot: 'node[^/]*\\.ts$' },
      { dependencyTypes: ['core'] },
    ),

    onlyOwn('src/library', 'src/protocol', 'src/tensors', 'src/core'),
    onlyOwn('src/explora', 'src/protocol', 'src/tensors', 'src/core'),
    forbid(
      'sdk-core-types-only',
      'What an SDK needs of core it gets through protocol or tensors.',
      { path: under('src/library', 'src/explora') },
      { path: under('src/core'), dependencyTypesNot: ['type-only'] },
    ),
    forbid(
      'sdk-packages',
      'The SDKs bundle for a browser: socket.io-client and @tensorflow/* only.',
      { path: under('src/library', 'src/explora') },
      npmExcept('socket\\.io-client', '@tensorflow/[^/]+'),
    ),
    forbid(
      'sdk-no-node',
      'The SDKs bundle for a browser: node: modules only in files named *node*.ts.',
      browser,
      { dependencyTypes: ['core'] },
    ),
    forbid(
      'sdk-node-stays-outside',
      'What the browser loads must not import the Node files of an SDK.',
      browser,
      { path: under('src/library', 'src/explora') + '.*node[^/]*\\.ts$', dependencyTypesNot: ['type-only'] },
    ),

    onlyOwn('src/dashboard', 'src/protocol', 'src/core'),
    forbid(
      'dashboard-packages',
      'The page is small: preact, socket.io-client and zod, and vite to build it.',
      { path: under('src/dashboard') },
      npmExcept('preact', 'socket\\.io-client', 'zod', 'vite'),
    ),
    forbid(
      'nothing-imports-dashboard',
      'The page is built by itself.',
      { pathNot: under('src/dashboard', 'test') },
      { path: under('src/dashboard') },
    ),

    onlyOwn('src/net'),
    forbid('net-packages', 'net is what Node can do.', { path: under('src/net') }, { dependencyTypes: npm }),
    onlyOwn('src/redis', 'src/net', 'src/core', 'src/protocol', 'src/tensors', 'src/telemetry', 'src/config'),
    onlyOwn(
      'src/blobs',
      'src/redis',
      'src/core',
      'src/protocol',
      'src/tensors',
      'src/telemetry',
      'src/config',
    ),
    onlyOwn('src/keras', 'src/core', 'src/protocol', 'src/tensors', 'src/telemetry', 'src/config'),
    forbid(
      'config-types-only',
      'Only a main reads the configuration; others are given values.',
      { path: under('src/redis', 'src/blobs', 'src/keras') },
      { path: under('src/config'), dependencyTypesNot: ['type-only'] },
    ),
    forbid(
      'redis-speaks-redis',
      'src/redis is the only code that speaks Redis; queues and the Socket.IO adapter bring their own clients.',
      { path: '^(src|workers)/', pathNot: under('src/redis', 'src/blobs') },
      { path: '(^|node_modules/)ioredis(/|$)', dependencyTypesNot: ['type-only'] },
    ),

    onlyOwn('src/process', 'src/blobs', 'src/redis', 'src/protocol', 'src/telemetry', 'src/config'),
    forbid(
      'gateway-knows-no-worker',
      'They meet in Redis.',
      { path: under('src/gateway') },
      { path: under('workers') },
    ),
    forbid(
      'workers-know-no-gateway',
      'They meet in Redis.',
      { path: under('workers') },
      { path: under('src/gateway') },
    ),
    forbid(
      'nothing-imports-cli',
      'cli is the top.',
      { pathNot: under('src/cli', 'test') },
      { path: under('src/cli') },
    ),
    forbid(
      'opentelemetry-in-one-place',
      'src/telemetry/otlp.ts is the only code that knows OpenTelemetry.',
      { path: '^(src|workers)/', pathNot: '^src/telemetry/otlp\\.ts$' },
      { path: '(^|node_modules/)@opentelemetry/' },
    ),
    forbid(
      'opentelemetry-only-when-asked-for',
      'Where no collector is configured its code is not loaded: `await import` it.',
      { path: '^(src|workers)/' },
      { path: '^src/telemetry/otlp\\.ts$', dynamic: false },
    ),
    forbid(
      'only-a-main-reads-the-environment',
      'Take what you need as an argument; a main (or the entry of a thread) calls parseEnv.',
      {
        path: '^(src|workers)/',
        pathNot: '^src/cli/|^src/process/run-process\\.ts$|^workers/thread-deps\\.ts$',
      },
      { path: '^src/config/env\\.ts$', dependencyTypesNot: ['type-only'] },
    ),

    forbid(
      'not-to-dev-dependency',
      'It is missing where the pool is deployed.',
      // The page is bundled when it is built.
      { path: '^(src|workers)/', pathNot: under('src/dashboard') },
      {
        dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'],
        dependencyTypesNot: ['type-only', 'npm', 'npm-optional'],
      },
    ),
    forbid(
      'nothing-imports-tests',
      'Tests import code, not the reverse.',
      { path: '^(src|workers|bench)/' },
      { path: '^test/' },
    ),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^src/tensors/assembly/|^dist/' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    // It tries `.ts` itself for an import that ends in `.js`.
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
    },
  },
};
