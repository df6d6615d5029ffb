import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Explora } from '../explora/explora.js';

export type SaveFormat = 'tfjs' | 'raw' | 'h5' | 'keras';

export interface SavedModel {
  readonly modelId: string;
  readonly sha256: string;
  readonly dir: string;
  readonly files: readonly string[];
}

/**
 * Downloads a model into a folder: `tfjs` as model.json and weights.bin, which `tf.loadLayersModel` reads; `raw` as
 * weights.f32 beside manifest.json; `h5` and `keras` as model.h5 and model.keras, which Keras loads. Nothing is written unless topology and weights have the hashes of the record.
 */
export async function saveModel(
  explora: Explora,
  modelId: string,
  { dir, format }: { dir: string; format: SaveFormat },
): Promise<SavedModel> {
  const { record, topology, weights } = await explora.downloadModel(modelId);
  await mkdir(dir, { recursive: true });
  const saved = { modelId, sha256: record.parameters.sha256, dir };
  if (format === 'h5' || format === 'keras') {
    const { writeKerasModel } = await import('../keras/write-keras-model.js');
    const { tensors } = record;
    const name = `model.${format}`;
    const file = await writeKerasModel({ topology, tensors, parameters: weights, format });
    await writeFile(path.join(dir, name), file);
    return { ...saved, files: [name] };
  }
  const raw = { json: 'manifest.json', bytes: 'weights.f32', content: record };
  const tfjs = {
    json: 'model.json',
    bytes: 'weights.bin',
    content: {
      format: 'layers-model',
      generatedBy: 'cloud-node',
      convertedBy: null,
      modelTopology: topology,
      weightsManifest: [{ paths: ['weights.bin'], weights: record.tensors }],
    },
  };
  const { json, bytes, content } = format === 'tfjs' ? tfjs : raw;
  await writeFile(
    path.join(dir, bytes),
    new Uint8Array(weights.buffer, weights.byteOffset, weights.byteLength),
  );
  await writeFile(path.join(dir, json), `${JSON.stringify(content)}\n`);
  return { ...saved, files: [json, bytes] };
}
