import { reshape, sign, stridedSlice, Tensor, transpose } from '@tensorflow/tfjs-core';

/**
 * TensorFlow.js' orthogonal initialiser, the usual one of recurrent layers, calls operations as methods of tensors.
 * Those are there only when the whole of tfjs is imported; so the few that it needs are added here, unless they are.
 */
const METHODS: Record<string, (this: Tensor, ...args: never[]) => Tensor> = {
  flatten() {
    return reshape(this, [this.size]);
  },
  reshape(shape: number[]) {
    return reshape(this, shape);
  },
  transpose(perm?: number[]) {
    return transpose(this, perm);
  },
  sign() {
    return sign(this);
  },
  stridedSlice(begin: number[], end: number[], strides?: number[]) {
    return stridedSlice(this, begin, end, strides);
  },
};

/** Once is enough; before a model with a recurrent layer is made. */
export function addTensorMethods(): void {
  for (const [name, value] of Object.entries(METHODS)) {
    if (!(name in Tensor.prototype)) Object.defineProperty(Tensor.prototype, name, { value, writable: true });
  }
}
