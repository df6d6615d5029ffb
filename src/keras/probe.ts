import { tensor, tidy, type Tensor } from '@tensorflow/tfjs-core';
import * as z from 'zod';
import { CloudNodeError } from '../protocol/errors.js';
import type { TensorSpec } from '../protocol/model.js';
import { parse } from '../protocol/parse.js';
import { probeSchema, type Probe } from '../protocol/probe.js';
import { countParams, split } from '../tensors/tensor-specs.js';
import { boundActivations } from './bound-activations.js';
import { withBuiltModel } from './build-model.js';
import { parseObject } from './json.js';

/** Where a file may have a probe: a member of a .keras, an attribute of the root of a .h5. Keras ignores both. */
export const PROBE_PLACES = { keras: 'cloud_node_probe.json', h5: 'cloud_node_probe' } as const;

/** What f32 makes of another order of additions stays far below it; another layer goes far beyond. */
const TOLERANCE = 1e-3;

/** @throws `invalid_model` */
export function parseProbe(text: string): Probe {
  const probe = parseObject(text, 'The probe');
  return parse(z.strictObject({ probe: probeSchema }), { probe }, 'invalid_model').probe;
}

export interface ToProbe {
  readonly topology: Readonly<Record<string, unknown>>;
  readonly tensors: readonly TensorSpec[];
  readonly parameters: Float32Array;
}

/**
 * Lets a model answer the probe.
 * @param code of what the probe is a part of
 * @returns the largest difference from the expected answers
 * @throws `code` when the probe is not for this model; `model_unsupported` when the answers differ
 */
export async function checkProbe(
  { topology, tensors, parameters }: ToProbe,
  probe: Probe,
  code: 'invalid_model' | 'invalid_job' = 'invalid_model',
): Promise<number> {
  const wrong = (message: string): CloudNodeError => new CloudNodeError(code, message);
  return withBuiltModel(topology, countParams([...tensors]), (model) =>
    tidy(() => {
      const made = split(parameters, [...tensors]).map((part, i) => tensor(part, tensors[i]?.shape));
      model.setWeights(made);
      const inputs = inOrder('probe.inputs', probe.inputs, model.inputs.map(nameOf), wrong);
      const outputs = inOrder('probe.outputs', probe.outputs, model.outputs.map(nameOf), wrong);
      for (const [i, { where, shape }] of inputs.entries())
        requireShape(where, shape, model.inputs[i]?.shape ?? [], wrong);
      boundActivations(model);
      let answers: Tensor[];
      try {
        const batch = inputs.map(({ values, shape }, i) => tensor(values, shape, model.inputs[i]?.dtype));
        answers = [model.predict(batch)].flat();
      } catch (error) {
        throw wrong(`"probe.inputs": the model can not answer them: ${shorten(error)}`);
      }
      for (const [i, { where, shape }] of outputs.entries())
        requireShape(where, shape, answers[i]?.shape ?? [], wrong);
      return Math.max(...outputs.map((output, i) => difference(output, answers[i]?.dataSync() ?? [])));
    }),
  );
}

type Batch = Probe['inputs'][number];
type Wrong = (message: string) => CloudNodeError;
/** With where it stands in the probe. */
type Placed = Batch & { readonly where: string };

/** The batches in the order of the model. */
function inOrder(field: string, given: readonly Batch[], names: readonly string[], wrong: Wrong): Placed[] {
  const its = names
    .slice(0, 10)
    .map((name) => `"${name.slice(0, 64)}"`)
    .join(', ');
  if (given.length !== names.length)
    throw wrong(`"${field}": there are ${given.length}; the model has ${names.length}: ${its}.`);
  const left = given.map((batch, i) => ({ ...batch, where: `"${field}.${i}"` }));
  if (given.every(({ name }) => name === undefined)) return left;
  return names.map((name) => {
    const [found] = left.splice(
      left.findIndex((batch) => batch.name === name),
      1,
    );
    if (found?.name !== name)
      throw wrong(`"${field}": none is named "${name.slice(0, 64)}"; the model has ${its}.`);
    return found;
  });
}

function nameOf({ sourceLayer }: { sourceLayer: { name: string } }): string {
  return sourceLayer.name;
}

function requireShape(
  where: string,
  given: readonly number[],
  own: readonly (number | null)[],
  wrong: Wrong,
): void {
  if (given.length === own.length && own.every((size, d) => size === null || size === given[d])) return;
  throw wrong(
    `${where}: its shape is [${given.join(', ')}]; that of the model is [${own.map(String).join(', ')}].`,
  );
}

/** @throws `model_unsupported` with the worst value of this output */
function difference({ where, name, values }: Placed, answer: ArrayLike<number>): number {
  const apart = values.map((value, i) => {
    const by = Math.abs((answer[i] ?? NaN) - value);
    return Number.isNaN(by) ? Infinity : by;
  });
  const excess = apart.map((by, i) => by / allowed(values[i] ?? 0));
  const worst = excess.reduce((at, one, i) => (one > (excess[at] ?? 0) ? i : at), 0);
  const [expected = 0, by = 0] = [values[worst], apart[worst]];
  if ((excess[worst] ?? 0) > 1)
    throw new CloudNodeError(
      'model_unsupported',
      `${where}${name === undefined ? '' : ` ("${name.slice(0, 64)}")`}, value ${worst}: the model answers ${short(answer[worst] ?? NaN)} where ${short(expected)} is expected. They differ by ${short(by)}; ${short(allowed(expected))} is allowed. It is not the model that the probe was made with.`,
    );
  return apart.reduce((most, one) => Math.max(most, one), 0);
}

function allowed(expected: number): number {
  return TOLERANCE * (1 + Math.abs(expected));
}

function short(value: number): string {
  return String(Number(value.toPrecision(6)));
}

function shorten(error: unknown): string {
  const text = (error instanceof Error ? error.message : String(error)).replace(/\s+/g, ' ').trim();
  return text.length <= 300 ? text : `${text.slice(0, 300)}…`;
}
