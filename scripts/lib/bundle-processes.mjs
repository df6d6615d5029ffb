/**
 * Makes dist/bundle/: what `cloud-node` runs, with its packages. Node looks for, reads and links a thousand small files
 * for longer than a process of a pool needs for all the rest of its start.
 */
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { build } from 'esbuild';

/** The command, and what runs in threads or processes of its own. All in one folder, where they look for each other. */
const ENTRIES = [
  'src/cli/main.ts',
  'src/cli/demo/library-main.ts',
  'src/gateway/intake/kernel-thread-main.ts',
  'src/keras/check-model-thread.ts',
  'src/keras/convert-thread.ts',
  'workers/aggregator/fold-thread-main.ts',
  'workers/evaluator/evaluate.processor.ts',
  // In which BullMQ runs the processors; it looks for it beside its own code.
  'bullmq/dist/cjs/classes/main-worker.js',
];
/**
 * They find files beside themselves (WebAssembly, native code), are another's peer and may be there once only, or are
 * CommonJS that is imported when it is needed, which within a bundle has no names.
 */
const EXTERNAL = ['@tensorflow/*', 'h5wasm', 'msgpackr-extract', '@aws-sdk/*'];
/** What CommonJS has everywhere and a module has not. */
const COMMONJS = `
import { createRequire as bundleRequire } from 'node:module';
import { fileURLToPath as bundlePath } from 'node:url';
const require = bundleRequire(import.meta.url);
const __filename = bundlePath(import.meta.url);
const __dirname = bundlePath(new URL('.', import.meta.url));`;
/** How the code names a file beside itself. */
const OWN_FILE = /new URL\(\s*["']([^"']+)["'],\s*import\.meta\.url/g;

/** Throws an Error with what esbuild says, or with what would be missing when the bundle runs. */
export async function bundleProcesses(root) {
  const out = path.join(root, 'dist/bundle');
  rmSync(out, { recursive: true, force: true });
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: ENTRIES.map((file) => ({ in: file, out: path.basename(file).replace(/\.[jt]s$/, '') })),
    outdir: out,
    bundle: true,
    // One copy of each module for all entries: errors keep their classes, and no process reads another one's code.
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    external: EXTERNAL,
    banner: { js: COMMONJS },
    // Names stay, and lines that are short enough to find: for stacks. `node --enable-source-maps` tells more.
    minifySyntax: true,
    minifyWhitespace: true,
    lineLimit: 120,
    sourcemap: true,
    sourcesContent: false,
    legalComments: 'none',
    chunkNames: 'chunk-[hash]',
    metafile: true,
    logLevel: 'silent',
  });
  const missing = [...filesMissing(out), ...namesMissing(metafile)];
  if (missing.length > 0) throw new Error(`The bundle of the processes is not whole:\n${missing.join('\n')}`);
}

function* filesMissing(out) {
  for (const file of readdirSync(out).filter((name) => name.endsWith('.js'))) {
    // Long lines are cut within strings too.
    const text = readFileSync(path.join(out, file), 'utf8').replaceAll('\\\n', '');
    for (const [, named] of text.matchAll(OWN_FILE))
      if (!existsSync(path.join(out, named))) yield `${named} is not in ENTRIES.`;
  }
}

function* namesMissing({ inputs }) {
  for (const [file, { imports }] of Object.entries(inputs))
    for (const { path: imported, kind } of imports)
      if (kind === 'dynamic-import' && inputs[imported]?.format === 'cjs' && !file.includes('node_modules'))
        yield `${imported} is CommonJS that ${file} imports when it is needed: it belongs into EXTERNAL.`;
}
