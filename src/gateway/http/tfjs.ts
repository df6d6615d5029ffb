import type { ModelRecord } from '../../protocol/model.js';

/** What `tf.loadLayersModel` loads; the topology is put in as the text that it is, however large. */
export function modelJson(model: ModelRecord, topology: string): string {
  const weights = model.tensors.map(({ name, shape, dtype }) => ({ name, shape, dtype }));
  const weightsManifest = JSON.stringify([{ paths: ['weights.bin'], weights }]);
  return `{"format":"layers-model","generatedBy":"cloud-node","convertedBy":null,"modelTopology":${topology},"weightsManifest":${weightsManifest}}`;
}
