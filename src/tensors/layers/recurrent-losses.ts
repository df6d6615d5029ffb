import { layers, type RNN } from '@tensorflow/tfjs-layers';

type Layer = Pick<RNN, 'losses'>;

/**
 * Regularizers of a recurrent layer are losses of its cell, and those of a `Bidirectional` of the two layers in it.
 * TensorFlow.js asks neither, so that it trains as if there were none.
 */
export function countRecurrentLosses(): void {
  const both = layers.bidirectional({
    layer: layers.simpleRNN({ units: 1, name: 'simple_rnn' }),
    mergeMode: 'concat',
    name: 'bidirectional',
  });
  define(layers.RNN.prototype, ({ cell }: { cell: Layer }) => cell.losses);
  define(
    both.constructor.prototype as Layer,
    ({ forwardLayer, backwardLayer }: { forwardLayer: Layer; backwardLayer: Layer }) => [
      ...forwardLayer.losses,
      ...backwardLayer.losses,
    ],
  );
}

function define<Self>(prototype: Layer, losses: (self: Self) => Layer['losses']): void {
  const get = function (this: Self): Layer['losses'] {
    return losses(this);
  };
  Object.defineProperty(prototype, 'losses', { get, configurable: true });
}
