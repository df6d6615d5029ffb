import type { SwarmOptions } from './swarm.js';

/** Small finite values that differ from one another: the worst case for nothing, the ordinary case for folding. */
export function updatePayload({ seed, bytes }: SwarmOptions['payload']): Uint8Array {
  const values = new Float32Array(bytes / 4);
  for (let i = 0; i < values.length; i++) values[i] = Math.sin(seed + i * 0.37) * 1e-3;
  return new Uint8Array(values.buffer);
}

/** Of the Library `lib-<i>`. */
export function examplesOf(i: number): number {
  return 10 + i;
}
