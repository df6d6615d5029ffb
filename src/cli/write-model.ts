import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { TensorSpec } from '../protocol/model.js';

export interface ModelToSave {
  readonly topology: unknown;
  readonly tensors: readonly TensorSpec[];
  readonly weights: Float32Array;
}

/** Writes a TF.js layers model into a folder: model.json and weights.bin, which `tf.loadLayersModel` reads. */
export async function writeTfjsModel(
  dir: string,
  { topology, tensors, weights }: ModelToSave,
): Promise<string[]> {
  const content = {
    format: 'layers-model',
    generatedBy: 'cloud-node',
    convertedBy: null,
    modelTopology: topology,
    weightsManifest: [{ paths: ['weights.bin'], weights: tensors }],
  };
  return writePair(dir, { json: 'model.json', bytes: 'weights.bin', content, weights });
}

/** A JSON document and f32 beside it. @returns the names of both */
export async function writePair(
  dir: string,
  pair: { json: string; bytes: string; content: unknown; weights: Float32Array },
): Promise<string[]> {
  const { json, bytes, content, weights } = pair;
  await mkdir(dir, { recursive: true });
  await writeFile(
    path.join(dir, bytes),
    new Uint8Array(weights.buffer, weights.byteOffset, weights.byteLength),
  );
  await writeFile(path.join(dir, json), `${JSON.stringify(content)}\n`);
  return [json, bytes];
}
