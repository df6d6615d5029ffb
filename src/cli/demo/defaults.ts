import type { JobInput } from '../../protocol/job.js';

export const hyperparams = {
  batchSize: 50,
  epochs: 1,
  optimizer: { type: 'sgd', learningRate: 0.3 },
  loss: 'categoricalCrossentropy',
  metrics: ['accuracy'],
} satisfies JobInput['hyperparams'];

export const rounds = 20;
