import type { layers, LayersModel, LayerVariable } from '@tensorflow/tfjs-layers';

type Layer = layers.Layer;
/** Layers that hold others: models, `TimeDistributed`, `Bidirectional`. */
type Holder = Layer & {
  readonly layers?: Layer[];
  readonly layer?: Layer;
  readonly forwardLayer?: Layer;
  readonly backwardLayer?: Layer;
};

/**
 * Makes the delta exactly zero where layers are frozen (`trainable: false`). They are not trained; but a graphics card
 * that computes in half precision gives back other numbers than it was given.
 * @param delta flat, in the order of `model.getWeights()`
 */
export function clearFrozen(model: LayersModel, delta: Float32Array): Float32Array {
  const frozen = new Set(frozenOf(model).map(({ id }) => id));
  let at = 0;
  for (const { id, shape } of model.weights) {
    const end = at + shape.reduce<number>((size, next) => size * (next ?? 0), 1);
    if (frozen.has(id)) delta.fill(0, at, end);
    at = end;
  }
  return delta;
}

function frozenOf(layer: Holder): LayerVariable[] {
  if (!layer.trainable) return layer.weights;
  const inside = [...(layer.layers ?? []), layer.layer, layer.forwardLayer, layer.backwardLayer];
  return inside.flatMap((one) => (one === undefined ? [] : frozenOf(one)));
}
