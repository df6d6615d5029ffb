import { instantiateKernels, sharedMemory, type KernelInstance } from './wasm.js';

const BLOCK_PARAMS = 8_192;
/** From here on a value rounds to 65536, which f16 does not have; 65520 as an f32. */
const BEYOND_BITS = 0x477f_f000;

/** Rounds f32 to the nearest f16, ties to even: the same bytes on every machine. */
export class HalfEncoder {
  readonly #kernels: KernelInstance['kernels'];
  readonly #memory: Uint8Array;

  constructor() {
    const { kernels, memory } = instantiateKernels(sharedMemory(BLOCK_PARAMS * 4));
    this.#kernels = kernels;
    this.#memory = new Uint8Array(memory.buffer);
  }

  /**
   * A shard as f16, little-endian; null when it has a value that f16 does not reach, infinity and NaN among them.
   * Nothing is saturated: what was not there before must not look like a parameter.
   */
  encode(shard: Uint8Array): Uint8Array | null {
    const halves = new Uint8Array(shard.length / 2);
    for (let at = 0; at < shard.length; at += BLOCK_PARAMS * 4) {
      const bytes = Math.min(BLOCK_PARAMS * 4, shard.length - at);
      this.#memory.set(new Uint8Array(shard.buffer, shard.byteOffset + at, bytes));
      if (this.#kernels.largest(0, bytes / 4) >>> 0 >= BEYOND_BITS) return null;
      this.#kernels.encodeF16(0, 0, bytes / 4);
      halves.set(this.#memory.subarray(0, bytes / 2), at / 2);
    }
    return halves;
  }
}
