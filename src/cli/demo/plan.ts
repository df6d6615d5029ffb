/** How the Libraries of the demo train: McMahan 2017, 2NN. */
export const hyperparams = {
  batchSize: 50,
  epochs: 1,
  optimizer: { type: 'sgd', learningRate: 0.1 },
} as const;
export const rounds = 10;
