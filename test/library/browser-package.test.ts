import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, symlink, mkdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { build } from 'esbuild';

const PACKAGE = path.resolve('dist/library');
const LIMIT_BYTES = 60 * 1024;
let folder = '';

/** A project of somebody else, with the package installed. */
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'cn-consumer-'));
  await mkdir(path.join(folder, 'node_modules'));
  await symlink(PACKAGE, path.join(folder, 'node_modules/cloud-node-library'));
  for (const name of ['@tensorflow', '@types', 'zod', 'typescript']) {
    await symlink(path.resolve('node_modules', name), path.join(folder, 'node_modules', name));
  }
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const zipped = async (files: readonly string[]): Promise<number> => {
  const sizes = files.map(
    async (file) => gzipSync(await readFile(path.join(PACKAGE, file)), { level: 9 }).length,
  );
  return (await Promise.all(sizes)).reduce((a, b) => a + b, 0);
};

describe('the package for browsers', () => {
  it('is below 60 KiB, gzipped, as modules and as scripts, with nothing of TensorFlow.js or the schemas in it', async () => {
    const files = (await readdir(PACKAGE)).filter((file) => file.endsWith('.js'));
    const scripts = files.filter((file) => file.startsWith('cloud-node-library'));
    expect(scripts.sort()).toEqual(['cloud-node-library.js', 'cloud-node-library.worker.js']);
    expect(await zipped(files.filter((file) => !scripts.includes(file)))).toBeLessThan(LIMIT_BYTES);
    for (const script of scripts) expect(await zipped([script])).toBeLessThan(LIMIT_BYTES);
    for (const file of files) {
      const text = await readFile(path.join(PACKAGE, file), 'utf8');
      expect([file, text.includes('ZodError'), text.includes('class LayersModel')]).toEqual([
        file,
        false,
        false,
      ]);
    }
  });

  it('has an entry for pages that loads no TensorFlow.js until it is needed', async () => {
    const { metafile } = await build({
      entryPoints: [path.join(PACKAGE, 'index.js')],
      bundle: true,
      write: false,
      metafile: true,
      format: 'esm',
      splitting: true,
      outdir: folder,
      external: ['@tensorflow/*'],
    });
    const entry = Object.values(metafile.outputs).find(({ entryPoint }) => entryPoint !== undefined);
    const now = entry?.imports
      .filter(({ kind }) => kind === 'import-statement')
      .map(({ path: file }) => file);
    expect(now?.filter((file) => file.startsWith('@tensorflow'))).toEqual([]);
  });

  it('has types that a strict project compiles with', async () => {
    const page = `
      import { BrowserLibrary, DEFAULT_POLICY, type BrowserRound } from 'cloud-node-library';
      import { serveLibrary } from 'cloud-node-library/worker';
      serveLibrary({ cpu: async () => null });
      const library = new BrowserLibrary({ url: '/', apiKey: 'k', worker: () => new Worker('w.js'), policy: DEFAULT_POLICY });
      library.on('round', ({ sent, numTensors }: BrowserRound) => console.log(sent?.norm, sent?.bytes, numTensors));
      // @ts-expect-error the labels are missing
      void library.addData('data', { inputs: [1], inputShape: [1] });
      // @ts-expect-error there is no such word
      library.setPolicy({ whenHidden: 'sleep' });
    `;
    await writeFile(path.join(folder, 'page.ts'), page);
    const args =
      '--noEmit --strict --skipLibCheck --target es2022 --module esnext --moduleResolution bundler'.split(
        ' ',
      );
    const tsc = path.join(folder, 'node_modules/typescript/bin/tsc');
    const run = promisify(execFile)(process.execPath, [tsc, ...args, '--lib', 'es2023,dom', 'page.ts'], {
      cwd: folder,
    });
    const said = await run.catch((error: { stdout: string }) => error);
    expect(said.stdout).toBe('');
  }, 60_000);
});
