import { setTimeout as sleep } from 'node:timers/promises';
import '@tensorflow/tfjs-backend-cpu';
import * as tfl from '@tensorflow/tfjs-layers';

const FEATURES = 16;
const CLASSES = 6;
const LIBRARIES = 24;
const dist = (file) => import(new URL(`../../dist/${file}`, import.meta.url).href);

/** A pool with a Repo whose Libraries train a small classifier: two sessions that are over, one that runs. */
export async function startTraining() {
  const { startBenchPool } = await dist('bench/lib/pool.js');
  const { Explora, fromLayersModel } = await dist('src/explora/index.js');
  const { Library } = await dist('src/library/index.js');
  const { TfjsTrainer } = await dist('src/library/tfjs-trainer.js');
  const random = mulberry(7);
  const centres = Array.from({ length: CLASSES }, () =>
    Array.from({ length: FEATURES }, () => normal(random)),
  );
  const pool = await startBenchPool({ gateways: 2, aggregators: 2, evaluators: 1 });
  const libraries = [];
  let isOver = false;
  const close = async () => {
    isOver = true;
    await Promise.allSettled(libraries.map((library) => library.leave()));
    await pool.close();
  };
  try {
    const repoId = 'clinics';
    const apiKey = await pool.repo(repoId);
    await pool.repo('sensors');
    const token = await pool.token('admin');
    const explora = new Explora({ url: pool.urls[0], token, repoId });
    let isSlow = false;
    for (let i = 0; i < LIBRARIES; i += 1) {
      const inner = new TfjsTrainer();
      const pace = mulberry(100 + i);
      const trainer = {
        train: async (request) => {
          if (isSlow)
            await sleep(700 + 3_500 * pace() ** 2 * (i % 7 === 0 ? 2.5 : 1), undefined, {
              signal: request.signal,
            });
          return inner.train(request);
        },
        dispose: () => inner.dispose(),
      };
      const library = new Library({ url: pool.urls, apiKey, libraryId: `clinic-${i + 1}`, trainer });
      // Each sees mostly two of the classes.
      library.addData(
        'vitals',
        examples(40 + Math.floor(random() * 60), random, centres, [i % CLASSES, (i * 5 + 1) % CLASSES]),
      );
      library.on('error', () => undefined);
      libraries.push(library);
    }
    await Promise.all(libraries.map((library) => library.join()));
    const test = examples(600, random, centres, null);
    await explora.uploadTestSet('vitals', { numExamples: 600, ...test });
    const { modelId } = await explora.uploadModel(await fromLayersModel(classifier()));
    const submit = (name, learningRate, maxRounds, rest = {}) =>
      explora.submit({
        name,
        modelId,
        datasetId: 'vitals',
        hyperparams: { batchSize: 20, epochs: 1, optimizer: { learningRate } },
        selection: { goal: 16, overSelection: 1.25 },
        continuation: { value: 0.9 },
        deadlines: { roundMs: 7_000 },
        termination: { maxRounds },
        ...rest,
      });
    const finished = [];
    for (const [name, rate, rest] of [
      ['triage, slow start', 0.02],
      ['triage, f16 updates', 0.08, { update: { encoding: 'f16' } }],
      [
        'triage, momentum',
        0.02,
        {
          hyperparams: { batchSize: 20, optimizer: { type: 'momentum', learningRate: 0.02, momentum: 0.9 } },
        },
      ],
    ]) {
      const session = await submit(name, rate, 18, rest);
      const { resultModelId } = await session.result();
      finished.push(session.sessionId);
      await pool.api.json({
        path: `/v1/repos/${repoId}/aliases/production`,
        method: 'PUT',
        json: { modelId: resultModelId },
      });
      // Another score than the session had, as a person would ask for it.
      await pool.api.json({
        path: `/v1/repos/${repoId}/evaluations`,
        method: 'POST',
        json: { model: { modelId: resultModelId }, testSetId: 'vitals', metrics: ['accuracy', 'mse'] },
      });
    }
    isSlow = true;
    const { sessionId } = await submit('triage', 0.05, 40);
    return {
      url: pool.urls[0],
      repoId,
      token,
      finished,
      running: sessionId,
      close,
      waitForRound: async (round) => {
        while (!isOver && (await explora.readSession(sessionId)).version < round) await sleep(300);
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}

function classifier() {
  const model = tfl.sequential();
  const initializer = (seed) => tfl.initializers.glorotUniform({ seed });
  model.add(
    tfl.layers.dense({
      units: 24,
      activation: 'relu',
      inputShape: [FEATURES],
      kernelInitializer: initializer(1),
    }),
  );
  model.add(tfl.layers.dense({ units: CLASSES, activation: 'softmax', kernelInitializer: initializer(2) }));
  return model;
}

/** Points around the centres of their classes, with noise that keeps it from being easy. */
function examples(count, random, centres, mostly) {
  const inputs = new Float32Array(count * FEATURES);
  const labels = new Float32Array(count * CLASSES);
  for (let i = 0; i < count; i += 1) {
    const any = Math.floor(random() * CLASSES);
    const label = mostly === null || random() < 0.3 ? any : mostly[Math.floor(random() * mostly.length)];
    labels[i * CLASSES + label] = 1;
    for (let j = 0; j < FEATURES; j += 1)
      inputs[i * FEATURES + j] = 0.55 * centres[label][j] + normal(random);
  }
  return { inputs, inputShape: [FEATURES], labels, labelShape: [CLASSES] };
}

function normal(random) {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

function mulberry(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
