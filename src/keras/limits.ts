/** What reading a model file may cost. Sizes are checked before anything of that size is made. */
export interface KerasLimits {
  /** Of the file as it is, bytes. */
  readonly maxFileBytes: number;
  /** Of each JSON in it (configuration, compile settings, metadata), bytes. */
  readonly maxConfigBytes: number;
  /** Of all parameters as float32, bytes. */
  readonly maxParameterBytes: number;
  /** Layers, those of nested models included. */
  readonly maxLayers: number;
}

const MIB = 2 ** 20;

export const KERAS_LIMITS: KerasLimits = {
  maxFileBytes: 1024 * MIB,
  // With room for what it becomes in the header of an upload, which may have 16 MiB.
  maxConfigBytes: 6 * MIB,
  maxParameterBytes: 512 * MIB,
  maxLayers: 5_000,
};
