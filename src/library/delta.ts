/** L2 norm over the whole vector, summed in f64. NaN or infinite when an element is. */
export function l2Norm(vector: Float32Array): number {
  let squares = 0;
  for (const value of vector) squares += value * value;
  return Math.sqrt(squares);
}

/**
 * Scales `delta` in place so that its L2 norm is at most `clipNorm`. Rounding to f32 can lift a norm that was scaled to
 * exactly the bound above it, and the pool refuses that; so the aim is a hair below.
 */
export function clip(delta: Float32Array, clipNorm: number): void {
  const norm = l2Norm(delta);
  if (!(norm > clipNorm)) return;
  const factor = (clipNorm / norm) * (1 - 2 ** -20);
  for (let i = 0; i < delta.length; i++) delta[i] = (delta[i] ?? 0) * factor;
}

/**
 * Refuses here what the pool would refuse, without sending it.
 * @throws RangeError that says what to change
 */
export function checkDelta(
  delta: Float32Array,
  limits: { readonly paramCount: number; readonly maxMagnitude: number },
): void {
  if (delta.length !== limits.paramCount) {
    throw new RangeError(`Training gave ${delta.length} parameters; the model has ${limits.paramCount}.`);
  }
  let largest = 0;
  for (const value of delta) {
    if (!Number.isFinite(value)) {
      throw new RangeError('Training diverged: the update has NaN or infinity. Lower the learning rate.');
    }
    largest = Math.max(largest, Math.abs(value));
  }
  if (largest > limits.maxMagnitude) {
    throw new RangeError(
      `The update's largest element is ${largest}; update.maxMagnitude of the job is ${limits.maxMagnitude}.`,
    );
  }
}
