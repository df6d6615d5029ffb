import * as tf from '@tensorflow/tfjs-core';
import type { BackendWasm } from '@tensorflow/tfjs-backend-wasm';

export type Inputs = Readonly<Record<string, tf.TensorInfo>>;
export type Attrs = Readonly<Record<string, unknown>>;
/** Runs another kernel of the backend. */
export type Run = (name: string, inputs: Inputs, attrs: Attrs) => tf.TensorInfo;
/** What a kernel of ours does. `attrs` are what the operation of TensorFlow.js gives: as wide as its own type. */
export type Compute = (call: {
  inputs: Inputs;
  attrs: Attrs;
  backend: BackendWasm;
  run: Run;
}) => tf.TensorInfo;

/** Registers a kernel for the WebAssembly backend, in the place of its own if it has one. */
export function registerWasmKernel(kernelName: string, compute: Compute): void {
  if (tf.getKernel(kernelName, 'wasm') !== undefined) tf.unregisterKernel(kernelName, 'wasm');
  tf.registerKernel({
    kernelName,
    backendName: 'wasm',
    kernelFunc: ({ inputs, attrs, backend }) => {
      const wasm = backend as BackendWasm;
      return freeing(wasm, (run) =>
        compute({ inputs: inputs as Inputs, attrs: attrs ?? {}, backend: wasm, run }),
      );
    },
  });
}

/** Whatever `work` made on the way is freed here, except its result: the engine knows nothing of it. */
function freeing(backend: BackendWasm, work: (run: Run) => tf.TensorInfo): tf.TensorInfo {
  const made: tf.TensorInfo[] = [];
  let result: tf.TensorInfo | null = null;
  try {
    result = work((name, inputs, attrs) => {
      const kernel = tf.getKernel(name, 'wasm');
      if (kernel === undefined) throw new Error(`The WebAssembly backend has no kernel ${name}.`);
      const output = kernel.kernelFunc({ inputs: { ...inputs }, attrs: attrs as tf.NamedAttrMap, backend });
      made.push(output as tf.TensorInfo);
      return output as tf.TensorInfo;
    });
    return result;
  } finally {
    const kept = made.findLastIndex(({ dataId }) => dataId === result?.dataId);
    made.forEach(({ dataId }, i) => i === kept || backend.disposeData(dataId));
  }
}

/** The same bytes, seen with another shape. */
export function shaped(info: tf.TensorInfo, shape: number[]): tf.TensorInfo {
  return { ...info, shape };
}
