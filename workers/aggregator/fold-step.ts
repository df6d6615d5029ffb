import { createHash } from 'node:crypto';
import type { FoldScale } from '../../src/core/fold-scale.js';
import type { FinishOptions, FoldUpdate, ShardFolder } from '../../src/tensors/kernels.js';

/** What is done with the shard of a folder; {@link ShardFolder} says how. */
export type FoldStep =
  | { readonly do: 'reset'; readonly params: number }
  | { readonly do: 'load'; readonly partial: Uint8Array }
  | { readonly do: 'merge'; readonly partial: Uint8Array }
  | { readonly do: 'add'; readonly updates: readonly FoldUpdate[]; readonly scale: FoldScale }
  /** In place: the parameters before (f32) become the next ones. */
  | { readonly do: 'finish'; readonly values: Uint8Array; readonly options: FinishOptions };

export interface StepDone {
  /** How long it took. */
  readonly seconds: number;
  /** Of the next parameters; null: there are none yet. */
  readonly sha256: string | null;
}

export function runStep(folder: ShardFolder, step: FoldStep): StepDone {
  const startedMs = performance.now();
  const done = (sha256: string | null): StepDone => ({
    seconds: (performance.now() - startedMs) / 1_000,
    sha256,
  });
  if (step.do === 'reset') folder.reset(step.params);
  else if (step.do === 'load') folder.load(step.partial);
  else if (step.do === 'merge') folder.merge(step.partial);
  else if (step.do === 'add') folder.add(step.updates, step.scale);
  else {
    folder.finishInPlace(step.values, step.options);
    return done(createHash('sha256').update(step.values).digest('hex'));
  }
  return done(null);
}
