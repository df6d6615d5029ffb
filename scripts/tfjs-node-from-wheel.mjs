#!/usr/bin/env node
/**
 * Installs @tensorflow/tfjs-node without the download of its own installer, which comes from a bucket that many networks
 * do not reach: TensorFlow's library is taken from its package for Python, and the binding is compiled here.
 *
 *   npm run tfjs-node
 *
 * Needs Linux on x86-64, python3 with pip, and g++. About 210 MB are downloaded, 620 MB stay in node_modules.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** With the C headers in it, and a library that exports the C API. */
const TENSORFLOW = 'tensorflow-cpu==2.15.1';
const PYTHON_OF_WHEEL = '3.11';
const MEMBERS = [
  'tensorflow/include/tensorflow/c/',
  'tensorflow/include/tensorflow/core/platform/',
  'tensorflow/include/tsl/',
  'tensorflow/libtensorflow_cc.so.2',
  'tensorflow/libtensorflow_framework.so.2',
];
/** The highest that the package knows; Node speaks all up to its own. */
const NAPI = 8;

const TRY = `
const tf = require('@tensorflow/tfjs-node');
const [[sum]] = tf.matMul(tf.ones([1, 3]), tf.fill([3, 1], 2)).arraySync();
if (tf.getBackend() !== 'tensorflow' || sum !== 6) throw new Error('it computes ' + sum);
console.log('@tensorflow/tfjs-node works, TensorFlow.js ' + tf.version_core + '.');
`;

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const home = path.join(root, 'node_modules/@tensorflow/tfjs-node');

try {
  main();
} catch (error) {
  console.error(`✗ ${error.message}`);
  process.exit(1);
}

function main() {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new Error(
      `There is no such package for ${process.platform} on ${process.arch}: Linux on x64 only.`,
    );
  }
  const headers = path.join(path.dirname(path.dirname(process.execPath)), 'include/node');
  if (!existsSync(path.join(headers, 'node_api.h'))) {
    throw new Error(
      `Node's headers are not beside it (${headers}): use a Node from its own archive or image.`,
    );
  }
  if (!existsSync(home)) {
    step('install the package without its installer');
    run('npm', ['install', '--ignore-scripts', '--include=optional', '--no-save', '--no-audit', '--no-fund']);
  }
  const work = mkdtempSync(path.join(tmpdir(), 'tfjs-node-'));
  try {
    step(`download ${TENSORFLOW}`);
    const wanted = ['--no-deps', '--only-binary=:all:', '--python-version', PYTHON_OF_WHEEL];
    const platform = ['--platform', 'manylinux2014_x86_64', '--platform', 'manylinux_2_17_x86_64'];
    run('python3', ['-m', 'pip', 'download', '--quiet', '-d', work, ...wanted, ...platform, TENSORFLOW]);
    const wheel = readdirSync(work).find((name) => name.endsWith('.whl'));
    const lib = path.join(home, 'deps/lib');
    mkdirSync(lib, { recursive: true });
    step('unpack the library and its headers');
    const unpack =
      'import sys, zipfile\n' +
      'archive = zipfile.ZipFile(sys.argv[1])\n' +
      'archive.extractall(sys.argv[2], [n for n in archive.namelist() if n.startswith(tuple(sys.argv[3:]))])';
    run('python3', ['-c', unpack, path.join(work, wheel), work, ...MEMBERS]);
    const from = path.join(work, 'tensorflow');
    for (const name of readdirSync(from).filter((file) => file.startsWith('libtensorflow'))) {
      run('mv', [path.join(from, name), path.join(lib, name)]);
    }
    step('compile the binding');
    compile({ headers, include: path.join(from, 'include'), lib });
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  step('try it');
  const answer = run(process.execPath, ['-e', TRY]);
  console.log(`✓ ${answer.trim()}`);
}

function compile({ headers, include, lib }) {
  const folder = path.join(home, `lib/napi-v${NAPI}`);
  mkdirSync(folder, { recursive: true });
  const sources = ['tfjs_backend.cc', 'tfjs_binding.cc'].map((name) => path.join(home, 'binding', name));
  run('g++', [
    ...['-shared', '-fPIC', '-O2', '-std=c++17', `-DNAPI_VERSION=${NAPI}`],
    ...['-I', headers, '-I', include, '-o', path.join(folder, 'tfjs_binding.node'), ...sources],
    ...['-L', lib, '-l:libtensorflow_cc.so.2', '-l:libtensorflow_framework.so.2'],
    // Found from where the binding is, wherever node_modules is moved to.
    '-Wl,-rpath,$ORIGIN/../../deps/lib',
  ]);
}

function step(what) {
  console.log(`… ${what}`);
}

function run(command, args) {
  const { status, error, stdout, stderr } = spawnSync(command, args, {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, TF_CPP_MIN_LOG_LEVEL: '2' },
  });
  if (error !== undefined) throw new Error(`${command} cannot be run: ${error.message}`);
  if (status === 0) return stdout;
  throw new Error(`${command} failed:\n${`${stdout}${stderr}`.trim().slice(-2_000)}`);
}
