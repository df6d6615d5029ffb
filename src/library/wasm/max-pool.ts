import { backend_util, type TensorInfo } from '@tensorflow/tfjs-core';
import type { Compute } from './kernels.js';

type Shape4 = [number, number, number, number];

/**
 * Gradient of max pooling: each window sends its part to its largest pixel, the first of several. The backend's own
 * kernel is wrong for windows that are not square and for ties, and slower.
 */
export const maxPoolGradient: Compute = ({ inputs, attrs, backend }) => {
  const { dy, input } = inputs as { dy: TensorInfo; input: TensorInfo };
  const info = backend_util.computePool2DInfo(
    input.shape as Shape4,
    attrs['filterSize'] as number,
    attrs['strides'] as number,
    1,
    attrs['pad'] as 'same',
    attrs['dimRoundingMode'] as 'floor',
  );
  const output = backend.makeOutput(input.shape, 'float32');
  const [xs, dys] = [backend.typedArrayFromHeap(input), backend.typedArrayFromHeap(dy)];
  const dx = backend.typedArrayFromHeap(output).fill(0);
  const { inHeight, inWidth, outHeight, outWidth, inChannels, strideHeight, strideWidth, padInfo } = info;
  const largest = new Float32Array(inChannels);
  const where = new Int32Array(inChannels);
  let dyAt = 0;
  for (let n = 0; n < info.batchSize; n++) {
    for (let p = 0; p < outHeight; p++) {
      const top = p * strideHeight - padInfo.top;
      const [firstRow, endRow] = [Math.max(0, top), Math.min(inHeight, top + info.filterHeight)];
      for (let q = 0; q < outWidth; q++) {
        const left = q * strideWidth - padInfo.left;
        const [firstColumn, endColumn] = [Math.max(0, left), Math.min(inWidth, left + info.filterWidth)];
        largest.fill(-Infinity);
        where.fill(-1);
        for (let row = firstRow; row < endRow; row++) {
          for (let column = firstColumn; column < endColumn; column++) {
            const at = ((n * inHeight + row) * inWidth + column) * inChannels;
            for (let c = 0; c < inChannels; c++) {
              const value = xs[at + c] as number;
              if (value > (largest[c] as number)) {
                largest[c] = value;
                where[c] = at + c;
              }
            }
          }
        }
        for (let c = 0; c < inChannels; c++, dyAt++) {
          const at = where[c] as number;
          if (at >= 0) dx[at] = (dx[at] as number) + (dys[dyAt] as number);
        }
      }
    }
  }
  return output;
};
