import { ones, zeros, type Tensor } from '@tensorflow/tfjs-core';
import { layers } from '@tensorflow/tfjs-layers';
import type { BatchNormalization } from '@tensorflow/tfjs-layers/dist/layers/normalization.js';

interface Inside {
  readonly movingMean: { readonly shape: number[] };
  gamma?: { read(): Tensor };
  beta?: { read(): Tensor };
}

/**
 * The batch normalization of Keras since version 2: a frozen one (`trainable: false`) uses the statistics that it has,
 * and leaves them as they are, in training too. That of TensorFlow.js goes by the batch and changes them. It also fails
 * in training without `scale` or `center`.
 */
export function batchNormalizationClass(): typeof BatchNormalization {
  const plain = layers.batchNormalization({ name: 'batch_normalization' });
  const Plain = plain.constructor as typeof BatchNormalization;

  return class extends Plain {
    override build(inputShape: Parameters<BatchNormalization['build']>[0]): void {
      super.build(inputShape);
      // Read in training whether or not the layer has them.
      const inside = this as unknown as Inside;
      const { shape } = inside.movingMean;
      inside.gamma ??= { read: () => ones(shape) };
      inside.beta ??= { read: () => zeros(shape) };
    }

    override call(...[inputs, kwargs]: Parameters<BatchNormalization['call']>): Tensor | Tensor[] {
      return super.call(inputs, this.trainable ? kwargs : { ...kwargs, training: false });
    }
  };
}
