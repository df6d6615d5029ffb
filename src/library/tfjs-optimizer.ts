import { train, type Optimizer } from '@tensorflow/tfjs-core';
import type { TrainRequest } from './trainer.js';

/** A fresh optimizer as the job describes it: FedAvg's clients keep no state between rounds. */
export function makeOptimizer(options: TrainRequest['hyperparams']['optimizer']): Optimizer {
  const { type, learningRate, momentum = 0.9 } = options;
  switch (type) {
    case 'sgd':
      return train.sgd(learningRate);
    case 'momentum':
      return train.momentum(learningRate, momentum);
    case 'adam':
      return train.adam(learningRate);
    case 'rmsprop':
      return train.rmsprop(learningRate);
    case 'adagrad':
      return train.adagrad(learningRate);
  }
}
