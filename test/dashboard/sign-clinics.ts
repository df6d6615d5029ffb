import { Library } from '../../src/library/index.js';
import { useBestNodeBackend } from '../../src/library/tf-backend-node.js';
import { TfjsTrainer } from '../../src/library/tfjs-trainer.js';
import type { Trainer } from '../../src/library/trainer.js';

export interface SignExamples {
  readonly inputs: Float32Array;
  readonly inputShape: number[];
  readonly labels: Float32Array;
  readonly labelShape: number[];
  readonly numExamples: number;
}

/** Four numbers, and whether the first is above zero. */
export function signExamples(count: number, from: number): SignExamples {
  const inputs = Float32Array.from({ length: count * 4 }, (_, i) => Math.sin(from + i * 1.7));
  const labels = Float32Array.from({ length: count }, (_, n) => ((inputs[n * 4] ?? 0) > 0 ? 1 : 0));
  return { inputs, inputShape: [4], labels, labelShape: [1], numExamples: count };
}

/** Libraries a, b and c, which train with TensorFlow.js on such examples of their own. @returns what ends them */
export async function joinSignClinics(at: {
  readonly url: string;
  readonly apiKey: string;
  /** What stands between a Library and its trainer. */
  readonly around?: (trainer: Trainer) => Trainer;
}): Promise<() => Promise<void>> {
  const { url, apiKey, around = (trainer: Trainer) => trainer } = at;
  await useBestNodeBackend();
  const libraries = ['a', 'b', 'c'].map((libraryId) => {
    const library = new Library({ url, apiKey, libraryId, trainer: around(new TfjsTrainer()) });
    library.addData('data', signExamples(60, libraryId.charCodeAt(0)));
    library.on('error', () => undefined);
    return library;
  });
  const leave = async (): Promise<void> =>
    void (await Promise.allSettled(libraries.map((library) => library.leave())));
  try {
    await Promise.all(libraries.map((library) => library.join()));
  } catch (error) {
    await leave();
    throw error;
  }
  return leave;
}
