/**
 * Makes dist/library/, the Library for browsers as a package of its own: ES modules, a bundle for script tags, types.
 * TensorFlow.js stays outside.
 */
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { build } from 'esbuild';

const NAME = 'cloud-node-library';
const PEERS = [
  'tfjs-core',
  'tfjs-layers',
  'tfjs-backend-cpu',
  'tfjs-backend-wasm',
  'tfjs-backend-webgl',
  'tfjs-backend-webgpu',
];

/** After the compiler: the types are its. Throws an Error with what esbuild says. */
export async function buildLibrary(root) {
  const out = path.join(root, 'dist/library');
  const from = (file) => path.join(root, 'src/library/browser', file);
  const layers = path.join(root, 'src/tensors/layers/register.ts');
  rmSync(out, { recursive: true, force: true });
  const common = {
    bundle: true,
    minify: true,
    sourcemap: true,
    target: 'es2022',
    platform: 'browser',
    legalComments: 'none',
    logLevel: 'silent',
  };
  await build({
    ...common,
    entryPoints: { index: from('index.ts'), worker: from('serve.ts'), layers },
    outdir: out,
    format: 'esm',
    splitting: true,
    chunkNames: 'chunk-[hash]',
    external: ['@tensorflow/*'],
  });
  const script = { ...common, format: 'iife', plugins: [tensorFlowAsGlobal] };
  await build({
    ...script,
    entryPoints: [from('index.ts')],
    outfile: path.join(out, `${NAME}.js`),
    globalName: 'cloudNodeLibrary',
  });
  await build({
    ...script,
    entryPoints: [from('worker-script.ts')],
    outfile: path.join(out, `${NAME}.worker.js`),
  });
  copyTypes(root, out);
  cpSync(path.join(root, 'src/library/browser/README.md'), path.join(out, 'README.md'));
  cpSync(path.join(root, 'LICENSE'), path.join(out, 'LICENSE'));
  writeFileSync(path.join(out, 'package.json'), `${JSON.stringify(manifest(root), null, 2)}\n`);
}

/** Its scripts put everything into one global `tf`. Looked at when it is first needed: a worker loads it later. */
const tensorFlowAsGlobal = {
  name: 'tensorflow-as-global',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^@tensorflow\// }, ({ path: name }) => ({ path: name, namespace: 'tensorflow' }));
    onLoad({ filter: /.*/, namespace: 'tensorflow' }, () => ({
      contents: 'module.exports = globalThis.tf;',
    }));
  },
};

/** The declarations that the entries reach, in the folders that they come from. */
function copyTypes(root, out) {
  const seen = new Set();
  const copy = (file) => {
    if (seen.has(file)) return;
    seen.add(file);
    const text = readFileSync(path.join(root, 'dist/src', file), 'utf8');
    const target = path.join(out, 'types', file);
    mkdirSync(path.dirname(target), { recursive: true });
    writeFileSync(target, text.replace(/\n?\/\/# sourceMappingURL=.*/, ''));
    for (const [, specifier] of text.matchAll(/(?:from|import)\s*\(?\s*['"](\.[^'"]+)\.js['"]/g)) {
      copy(path.join(path.dirname(file), `${specifier}.d.ts`));
    }
  };
  for (const entry of ['library/browser/index', 'library/browser/serve', 'tensors/layers/register']) {
    const file = `${entry}.d.ts`;
    if (existsSync(path.join(root, 'dist/src', file))) copy(file);
  }
}

function manifest(root) {
  const own = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
  const version = (name) => own.dependencies[name] ?? own.devDependencies[name];
  const optional = PEERS.filter((name) => name.startsWith('tfjs-backend-'));
  return {
    name: NAME,
    version: own.version,
    description: 'Takes part in federated learning from a web page; the data stays in the browser.',
    license: own.license,
    type: 'module',
    exports: {
      '.': { types: './types/library/browser/index.d.ts', default: './index.js' },
      './worker': { types: './types/library/browser/serve.d.ts', default: './worker.js' },
      './layers': { types: './types/tensors/layers/register.d.ts', default: './layers.js' },
      './package.json': './package.json',
    },
    types: './types/library/browser/index.d.ts',
    // Only its types are used, by our types: nothing of it is in the bundles.
    dependencies: { zod: version('zod') },
    peerDependencies: Object.fromEntries(
      PEERS.map((name) => [`@tensorflow/${name}`, `^${version(`@tensorflow/${name}`)}`]),
    ),
    peerDependenciesMeta: Object.fromEntries(
      optional.map((name) => [`@tensorflow/${name}`, { optional: true }]),
    ),
  };
}
