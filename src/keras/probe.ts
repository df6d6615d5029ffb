import { tensor, tidy, type Tensor } from '@tensorflow/tfjs-core';
import * as z from 'zod';
import { CloudNodeError } from '../protocol/errors.js';
import type { TensorSpec } from '../protocol/model.js';
import { countParams, sizeOfShape, split } from '../tensors/tensor-specs.js';
import { withBuiltModel } from './build-model.js';
import { badFile, parseObject } from './json.js';

/** Where a file may have a probe: a member of a .keras, an attribute of the root of a .h5. Keras ignores both. */
export const PROBE_PLACES = { keras: 'cloud_node_probe.json', h5: 'cloud_node_probe' } as const;
export const MAX_PROBE_BYTES = 4 * 2 ** 20;

const values = z.strictObject({
  shape: z.array(z.int().positive()).min(1).max(8),
  values: z.array(z.number()).min(1),
});
const schema = z.strictObject({ inputs: z.array(values).min(1), outputs: z.array(values).min(1) });

/** What a model answered in Keras to a small batch, by its inputs and outputs. */
export type Probe = z.output<typeof schema>;

/** What f32 makes of another order of additions stays far below it; another layer goes far beyond. */
const TOLERANCE = 1e-3;

/** @throws `invalid_model` */
export function parseProbe(text: string): Probe {
  const { success, data } = schema.safeParse(parseObject(text, 'The probe'));
  const isWhole = ({ shape, values: list }: z.output<typeof values>): boolean =>
    sizeOfShape(shape) === list.length;
  if (!success || ![...data.inputs, ...data.outputs].every(isWhole))
    throw badFile(
      'The probe is not {"inputs", "outputs"}, lists of {"shape", "values"} that fit each other.',
    );
  return data;
}

interface ToProbe {
  readonly topology: Readonly<Record<string, unknown>>;
  readonly tensors: readonly TensorSpec[];
  readonly parameters: Float32Array;
}

/**
 * Lets a converted model answer the probe.
 * @returns the largest difference from what Keras answered
 * @throws `invalid_model` when the probe is not for this model; `model_unsupported` when the answers differ
 */
export async function checkProbe({ topology, tensors, parameters }: ToProbe, probe: Probe): Promise<number> {
  return withBuiltModel(topology, countParams([...tensors]), (model) =>
    tidy(() => {
      const made = split(parameters, [...tensors]).map((part, i) => tensor(part, tensors[i]?.shape));
      model.setWeights(made);
      const fits = (given: { shape: number[] }[], own: { shape: (number | null)[] }[]): boolean =>
        given.length === own.length &&
        own.every(({ shape }, i) => shape.every((size, d) => size === null || size === given[i]?.shape[d]));
      if (!fits(probe.inputs, model.inputs))
        throw badFile('The inputs of the probe are not those of the model.');
      const inputs = probe.inputs.map(({ shape, values: list }, i) =>
        tensor(list, shape, model.inputs[i]?.dtype),
      );
      const answer = model.predict(inputs);
      const answers: Tensor[] = Array.isArray(answer) ? answer : [answer];
      if (!fits(probe.outputs, answers))
        throw badFile('The outputs of the probe are not those of the model.');
      return Math.max(...answers.map((one, i) => difference(one.dataSync(), probe.outputs[i]?.values ?? [])));
    }),
  );
}

function difference(answer: ArrayLike<number>, expected: readonly number[]): number {
  return expected.reduce((largest, value, i) => {
    const apart = Math.abs((answer[i] ?? NaN) - value);
    if (!(apart <= TOLERANCE * (1 + Math.abs(value))))
      throw new CloudNodeError(
        'model_unsupported',
        `The converted model answers ${answer[i]} to the probe where Keras answered ${value}: something in it is not what it was.`,
      );
    return Math.max(largest, apart);
  }, 0);
}
