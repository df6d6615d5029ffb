import { shardBytes } from '../../src/core/encoding.js';
import { instantiateKernels, sharedMemory } from '../../src/tensors/wasm.js';

/** Values within [-1, 1] as f16, or as q8 with a scale of 1/128, rounded. */
export function encodeForBench(values: Float32Array, encoding: 'f16' | 'q8'): Uint8Array {
  const bytes = new Uint8Array(shardBytes(encoding, values.length));
  if (encoding === 'q8') {
    new DataView(bytes.buffer).setFloat32(0, 2 ** -7, true);
    bytes.set(
      Int8Array.from(values, (value) => Math.round(value * 127)),
      4,
    );
    return bytes;
  }
  const { kernels, memory } = instantiateKernels(sharedMemory(values.byteLength));
  new Float32Array(memory.buffer).set(values);
  kernels.encodeF16(0, 0, values.length);
  bytes.set(new Uint8Array(memory.buffer, 0, bytes.length));
  return bytes;
}
