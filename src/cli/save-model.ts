import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Explora } from '../explora/explora.js';
import { writePair, writeTfjsModel } from './write-model.js';

export type SaveFormat = 'tfjs' | 'raw' | 'h5' | 'keras';

export interface SavedModel {
  readonly modelId: string;
  readonly sha256: string;
  readonly dir: string;
  readonly files: readonly string[];
}

/**
 * Downloads a model into a folder: `tfjs` as model.json and weights.bin, which `tf.loadLayersModel` reads; `raw` as
 * weights.f32 beside manifest.json; `h5` and `keras` as model.h5 and model.keras, which Keras loads. Nothing is written
 * unless topology and weights have the hashes of the record.
 */
export async function saveModel(
  explora: Explora,
  modelId: string,
  { dir, format }: { dir: string; format: SaveFormat },
): Promise<SavedModel> {
  const { record, topology, weights } = await explora.downloadModel(modelId);
  const { tensors } = record;
  const saved = { modelId, sha256: record.parameters.sha256, dir };
  if (format === 'tfjs')
    return { ...saved, files: await writeTfjsModel(dir, { topology, tensors, weights }) };
  if (format === 'raw') {
    const pair = { json: 'manifest.json', bytes: 'weights.f32', content: record, weights };
    return { ...saved, files: await writePair(dir, pair) };
  }
  const { writeKerasModel } = await import('../keras/write-keras-model.js');
  const name = `model.${format}`;
  await mkdir(dir, { recursive: true });
  await writeFile(
    path.join(dir, name),
    await writeKerasModel({ topology, tensors, parameters: weights, format }),
  );
  return { ...saved, files: [name] };
}
