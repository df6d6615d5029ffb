import type { layers, LayersModel } from '@tensorflow/tfjs-layers';

/** 512 MiB of float32, as much as the parameters may have. */
export const MAX_ACTIVATIONS = 2 ** 27;

type Layer = layers.Layer & { readonly layers?: readonly Layer[]; readonly depthMultiplier?: number };
type Shape = readonly (number | null)[];

/**
 * Bounds what a forward pass takes in memory. A model of a few bytes can repeat or upsample to terabytes, and no limit of
 * a thread holds for tensors: so each layer says what it will make before it is called.
 */
export function boundActivations(model: LayersModel, max = MAX_ACTIVATIONS): void {
  let left = max;
  for (const layer of new Set(leaves(model.layers))) {
    const call = layer.call.bind(layer);
    layer.call = (inputs, kwargs) => {
      const shapes = [inputs].flat().map(({ shape }) => shape);
      const [first = []] = shapes;
      const made = layer.computeOutputShape(shapes.length === 1 ? first : shapes) as Shape | Shape[];
      const outputs = (Array.isArray(made[0]) ? made : [made]) as Shape[];
      left -= outputs.reduce((sum, shape) => sum + sizeOf(shape), 0);
      left -= between(layer, first, outputs[0] ?? []);
      if (left < 0)
        throw new RangeError(
          `layer "${layer.name}" is the one with which its layers have more than ${max} values.`,
        );
      return call(inputs, kwargs);
    };
  }
}

function leaves(all: readonly Layer[]): Layer[] {
  return all.flatMap((layer) => (layer.layers === undefined ? [layer] : leaves(layer.layers)));
}

/** What a separable convolution makes on its way. */
function between({ depthMultiplier = 0 }: Layer, input: Shape, output: Shape): number {
  return depthMultiplier * (input.at(-1) ?? 1) * sizeOf(output.slice(0, -1));
}

function sizeOf(shape: Shape): number {
  return shape.reduce<number>((product, size) => product * (size ?? 1), 1);
}
