import { backend_util, type TensorInfo } from '@tensorflow/tfjs-core';
import type { Attrs, Compute } from './kernels.js';

type Shape4 = [number, number, number, number];
type Info = backend_util.Conv2DInfo;

/**
 * Gradients of a depthwise convolution, as loops over the memory of the backend. Each channel is on its own, so there is
 * no matrix product to be had; the inner loop runs over channels, which lie side by side.
 */
export const depthwiseFilterGradient: Compute = ({ inputs, attrs, backend }) => {
  const { x, dy } = inputs as { x: TensorInfo; dy: TensorInfo };
  const info = geometry(x.shape as Shape4, attrs['filterShape'] as Shape4, attrs);
  const output = backend.makeOutput(info.filterShape, 'float32');
  const [xs, dys] = [backend.typedArrayFromHeap(x), backend.typedArrayFromHeap(dy)];
  const { inChannels, outChannels } = info;
  const multiplier = outChannels / inChannels;
  // One element sums over all pixels of all examples: too many for f32.
  const sums = new Float64Array(info.filterHeight * info.filterWidth * outChannels);
  overlaps(info, (xAt, dyAt, wAt) => {
    if (multiplier === 1) {
      for (let c = 0; c < outChannels; c++) {
        sums[wAt + c] = (sums[wAt + c] as number) + (xs[xAt + c] as number) * (dys[dyAt + c] as number);
      }
      return;
    }
    for (let c = 0, d = 0; c < inChannels; c++) {
      const value = xs[xAt + c] as number;
      for (const end = d + multiplier; d < end; d++) {
        sums[wAt + d] = (sums[wAt + d] as number) + value * (dys[dyAt + d] as number);
      }
    }
  });
  backend.typedArrayFromHeap(output).set(sums);
  return output;
};

export const depthwiseInputGradient: Compute = ({ inputs, attrs, backend }) => {
  const { dy, filter } = inputs as { dy: TensorInfo; filter: TensorInfo };
  const info = geometry(attrs['inputShape'] as Shape4, filter.shape as Shape4, attrs);
  const output = backend.makeOutput(info.inShape, 'float32');
  const [dys, weights] = [backend.typedArrayFromHeap(dy), backend.typedArrayFromHeap(filter)];
  const dx = backend.typedArrayFromHeap(output).fill(0);
  const { inChannels, outChannels } = info;
  const multiplier = outChannels / inChannels;
  overlaps(info, (xAt, dyAt, wAt) => {
    if (multiplier === 1) {
      for (let c = 0; c < outChannels; c++) {
        dx[xAt + c] = (dx[xAt + c] as number) + (weights[wAt + c] as number) * (dys[dyAt + c] as number);
      }
      return;
    }
    for (let c = 0, d = 0; c < inChannels; c++) {
      let sum = 0;
      for (const end = d + multiplier; d < end; d++) {
        sum += (weights[wAt + d] as number) * (dys[dyAt + d] as number);
      }
      dx[xAt + c] = (dx[xAt + c] as number) + sum;
    }
  });
  return output;
};

/** Every pair of a pixel of the input and one of the output that a weight joins: where their first channels are. */
function overlaps(info: Info, visit: (xAt: number, dyAt: number, wAt: number) => void): void {
  const { inHeight, inWidth, outHeight, outWidth, filterHeight, filterWidth, inChannels, outChannels } = info;
  const { strideHeight, strideWidth, dilationHeight, dilationWidth } = info;
  for (let n = 0; n < info.batchSize; n++) {
    for (let p = 0; p < outHeight; p++) {
      for (let i = 0; i < filterHeight; i++) {
        const row = p * strideHeight + i * dilationHeight - info.padInfo.top;
        if (row < 0 || row >= inHeight) continue;
        for (let q = 0; q < outWidth; q++) {
          for (let j = 0; j < filterWidth; j++) {
            const column = q * strideWidth + j * dilationWidth - info.padInfo.left;
            if (column < 0 || column >= inWidth) continue;
            const xAt = ((n * inHeight + row) * inWidth + column) * inChannels;
            const dyAt = ((n * outHeight + p) * outWidth + q) * outChannels;
            visit(xAt, dyAt, (i * filterWidth + j) * outChannels);
          }
        }
      }
    }
  }
}

function geometry(inShape: Shape4, filterShape: Shape4, attrs: Attrs): Info {
  return backend_util.computeConv2DInfo(
    inShape,
    filterShape,
    attrs['strides'] as number,
    attrs['dilations'] as number,
    attrs['pad'] as 'same',
    attrs['dimRoundingMode'] as 'floor',
    true,
  );
}
