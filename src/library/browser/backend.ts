import * as tf from '@tensorflow/tfjs-core';
// Registers the gradients.
import '@tensorflow/tfjs-layers';
import { completeWasmBackend } from '../wasm/complete.js';

/** Which backend of TensorFlow.js trains here, and what the others said. */
export interface BackendChoice {
  readonly name: string;
  readonly tried: readonly Probe[];
}

export interface Probe {
  readonly name: string;
  /** Of a training step of a small convolutional network; null when it did not work. */
  readonly stepMs: number | null;
  readonly problem: string | null;
}

/** Loads a backend, so that it registers itself. Most are packages of their own; leave out what is not wanted. */
export type BackendLoaders = Readonly<Record<string, () => Promise<unknown>>>;

const PROBE_MS = 15_000;
const STEPS = 3;

/**
 * Makes the fastest backend current that computes correctly here. That a browser has WebGPU or WebGL says little: drivers
 * are missing, blocked, emulated in software, or wrong. So each backend computes the gradient of a small network, which
 * has to agree with that of plain JavaScript, and the quickest one that does is taken. Plain JavaScript is the last.
 * @throws Error when none works
 */
export async function chooseBackend(loaders: BackendLoaders): Promise<BackendChoice> {
  const tried: Probe[] = [];
  for (const [name, load] of Object.entries(loaders)) tried.push(await tryOut(name, load));
  const best = tried
    .filter(({ stepMs }) => stepMs !== null)
    .sort((a, b) => (a.stepMs ?? 0) - (b.stepMs ?? 0))[0];
  if (best === undefined) {
    const said = tried.map(({ name, problem }) => `${name}: ${problem}`).join('; ');
    throw new Error(`No backend of TensorFlow.js works here. ${said}`);
  }
  await tf.setBackend(best.name);
  await tf.ready();
  // What the others hold on the graphics card would stay there.
  for (const { name } of tried) if (name !== best.name && tf.findBackendFactory(name)) tf.removeBackend(name);
  return { name: best.name, tried };
}

async function tryOut(name: string, load: () => Promise<unknown>): Promise<Probe> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const tooLong = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`It took longer than ${PROBE_MS} ms.`)), PROBE_MS);
  });
  try {
    return { name, stepMs: await Promise.race([measure(name, load), tooLong]), problem: null };
  } catch (error) {
    return {
      name,
      stepMs: null,
      problem: (error instanceof Error ? error.message : String(error)).slice(0, 300),
    };
  } finally {
    clearTimeout(timer);
  }
}

/** @returns ms of a step, the first ones not counted: they compile shaders */
async function measure(name: string, load: () => Promise<unknown>): Promise<number> {
  await load();
  if (tf.findBackendFactory(name) === null) throw new Error('It is not there.');
  if (name === 'wasm') completeWasmBackend();
  if (!(await tf.setBackend(name))) throw new Error('It did not start.');
  await tf.ready();
  check(await step(2));
  let best = Infinity;
  for (let i = 0; i < STEPS; i++) {
    const startedMs = performance.now();
    await step(16);
    best = Math.min(best, performance.now() - startedMs);
  }
  return best;
}

const wave = (length: number, pace: number): Float32Array =>
  Float32Array.from({ length }, (_, i) => Math.sin(i * pace));

/** Gradient of a small network by the filter of its convolution. */
async function step(examples: number): Promise<ArrayLike<number>> {
  const gradient = tf.tidy(() => {
    const x = tf.tensor4d(wave(examples * 144, 0.7), [examples, 12, 12, 1]);
    const filter = tf.tensor4d(wave(72, 1.3), [3, 3, 1, 8]);
    const weights = tf.tensor2d(wave(200 * 4, 2.1), [200, 4]);
    return tf.grad((f: tf.Tensor) => {
      const pooled = tf.maxPool(tf.relu(tf.conv2d(x, f as tf.Tensor4D, 1, 'valid')), 2, 2, 'valid');
      return tf.mean(tf.square(tf.matMul(tf.reshape(pooled, [examples, 200]), weights)));
    })(filter);
  });
  try {
    return await gradient.data();
  } finally {
    gradient.dispose();
  }
}

/** What plain JavaScript gives for two examples, at a few places. */
const EXPECTED: readonly (readonly [at: number, value: number])[] = [
  [0, 0.7439],
  [17, 0.9181],
  [35, 0.4501],
  [54, 0.4049],
  [71, -0.1357],
];

function check(values: ArrayLike<number>): void {
  for (const [at, expected] of EXPECTED) {
    const actual = values[at] ?? Number.NaN;
    // Half precision is good enough to learn with; a wrong driver is further off.
    if (!(Math.abs(actual - expected) <= 0.02 * Math.abs(expected) + 0.05)) {
      throw new Error(`It computed ${actual} where ${expected} is right.`);
    }
  }
}
