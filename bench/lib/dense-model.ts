/** One dense layer: the smallest model of a given size that a real client would send. */
export function denseModel(
  inputs: number,
  units: number,
): {
  name: string;
  topology: Record<string, unknown>;
  tensors: { name: string; shape: number[]; dtype: 'float32' }[];
  weights: Float32Array;
} {
  const config = {
    name: 'dense',
    units,
    activation: 'linear',
    use_bias: true,
    batch_input_shape: [null, inputs],
    dtype: 'float32',
  };
  const topology = {
    model_config: {
      class_name: 'Sequential',
      config: { name: 'model', layers: [{ class_name: 'Dense', config }] },
    },
    keras_version: 'tfjs-layers 4.22.0',
    backend: 'tensor_flow.js',
  };
  const tensors = [
    { name: 'dense/kernel', shape: [inputs, units], dtype: 'float32' as const },
    { name: 'dense/bias', shape: [units], dtype: 'float32' as const },
  ];
  const weights = Float32Array.from({ length: inputs * units + units }, (_, i) => Math.fround(Math.sin(i)));
  return { name: 'dense', topology, tensors, weights };
}
