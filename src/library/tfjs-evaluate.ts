import { slice, tidy, type Scalar } from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { macrotask } from './macrotask.js';
import type { DataTensors } from './tfjs-data.js';
import type { Metrics } from './trainer.js';

const CHUNK_EXAMPLES = 2_048;

/**
 * Loss and metrics of a compiled model. `model.evaluate` computes everything in one go, which freezes a page with much
 * data; so it is given chunks, with a breath in between.
 */
export async function evaluateModel(
  model: LayersModel,
  { inputs, labels, numExamples }: DataTensors,
  options: { batchSize: number; metricNames: readonly string[]; signal: AbortSignal },
): Promise<Metrics> {
  const sums = options.metricNames.map(() => 0);
  for (let start = 0; start < numExamples; start += CHUNK_EXAMPLES) {
    options.signal.throwIfAborted();
    const length = Math.min(CHUNK_EXAMPLES, numExamples - start);
    const values = tidy(() => {
      const chunk = [slice(inputs, start, length), slice(labels, start, length)] as const;
      const scores = model.evaluate(...chunk, { batchSize: Math.max(256, options.batchSize), verbose: 0 });
      return [scores].flat().map((score: Scalar) => score.dataSync()[0] ?? Number.NaN);
    });
    values.forEach((value, i) => (sums[i] = (sums[i] ?? 0) + value * length));
    await macrotask();
  }
  return finite(options.metricNames.map((name, i) => [name, (sums[i] ?? 0) / numExamples] as const));
}

/** What can be said on the wire: a loss that overflowed is left out. */
export function finite(entries: readonly (readonly [string, number])[]): Metrics {
  return Object.fromEntries(entries.filter(([, value]) => Number.isFinite(value)));
}
