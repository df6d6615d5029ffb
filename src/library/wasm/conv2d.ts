import { backend_util, type TensorInfo } from '@tensorflow/tfjs-core';
import { shaped, type Attrs, type Compute, type Run } from './kernels.js';

type Shape4 = [number, number, number, number];
type Info = backend_util.Conv2DInfo;

/**
 * Gradient of a convolution by its filter: `dW[i, j, c, d]` sums `x[n, i + p, j + q, c] · dy[n, p, q, d]` over n, p and q.
 * That is a convolution too: examples and channels of `x` change places, `dy` is the filter, and the stride of the one
 * is the dilation of the other. So it runs in the fast kernel (XNNPACK with SIMD) without a copy of every patch.
 */
export const conv2DFilterGradient: Compute = ({ inputs, attrs, run }) => {
  const { x, dy } = inputs as { x: TensorInfo; dy: TensorInfo };
  const filterShape = attrs['filterShape'] as Shape4;
  const info = geometry(x.shape as Shape4, filterShape, attrs);
  const { top, bottom, left, right } = info.padInfo;
  const { strideHeight, strideWidth, inChannels, outChannels } = info;
  const isPlainProduct =
    info.filterHeight * info.filterWidth * strideHeight * strideWidth === 1 &&
    top + bottom + left + right === 0;
  if (isPlainProduct) {
    const product = run(
      'BatchMatMul',
      { a: shaped(x, [1, positions(info), inChannels]), b: shaped(dy, [1, positions(info), outChannels]) },
      { transposeA: true, transposeB: false },
    );
    return shaped(product, filterShape);
  }
  const below = reach(info.outHeight, strideHeight, info.filterHeight) - info.inHeight - top;
  const beside = reach(info.outWidth, strideWidth, info.filterWidth) - info.inWidth - left;
  const found = convolve(run, {
    x: run('Transpose', { x }, { perm: [3, 1, 2, 0] }),
    filter: run('Transpose', { x: dy }, { perm: [1, 2, 0, 3] }),
    pad: [
      [top, Math.max(0, below)],
      [left, Math.max(0, beside)],
    ],
    dilations: [strideHeight, strideWidth],
  });
  // Rows and columns of `x` that no window reaches make the result larger than the filter.
  const size = [inChannels, info.filterHeight, info.filterWidth, outChannels];
  const gradient =
    below < 0 || beside < 0 ? run('Slice', { x: found }, { begin: [0, 0, 0, 0], size }) : found;
  return run('Transpose', { x: gradient }, { perm: [1, 2, 0, 3] });
};

/**
 * Gradient of a convolution by its input: `dy` with zeros between its pixels (as many as the stride skips), convolved
 * with the filter turned round. The backend has a kernel of its own for it, in plain loops.
 */
export const conv2DInputGradient: Compute = ({ inputs, attrs, run }) => {
  const { dy, filter } = inputs as { dy: TensorInfo; filter: TensorInfo };
  const info = geometry(attrs['inputShape'] as Shape4, filter.shape as Shape4, attrs);
  const { filterHeight, filterWidth, inHeight, inWidth, padInfo } = info;
  const turned = run('Reverse', { x: filter }, { dims: [0, 1] });
  const { x, pad } = cropped(run, spread(run, dy, info), [
    [filterHeight - 1 - padInfo.top, inHeight + padInfo.top - reach(info.outHeight, info.strideHeight, 1)],
    [filterWidth - 1 - padInfo.left, inWidth + padInfo.left - reach(info.outWidth, info.strideWidth, 1)],
  ]);
  return convolve(run, {
    x,
    filter: run('Transpose', { x: turned }, { perm: [0, 1, 3, 2] }),
    pad,
    dilations: [1, 1],
  });
};

/** Where the padding was wider than the filter there is less than nothing to pad: whole windows saw no input. */
function cropped(run: Run, x: TensorInfo, pad: Pad): { x: TensorInfo; pad: Pad } {
  if (pad.flat().every((cells) => cells >= 0)) return { x, pad };
  const paddings = [[0, 0], ...pad.map((side) => side.map((cells) => Math.max(0, cells))), [0, 0]];
  const padded = run('PadV2', { x }, { paddings, constantValue: 0 });
  const less = (side: 0 | 1, end: 0 | 1): number => Math.min(0, pad[side][end]);
  const size = padded.shape.map((cells, axis) =>
    axis === 1 || axis === 2 ? cells + less(axis === 1 ? 0 : 1, 0) + less(axis === 1 ? 0 : 1, 1) : cells,
  );
  const begin = [0, -less(0, 0), -less(1, 0), 0];
  return {
    x: run('Slice', { x: padded }, { begin, size }),
    pad: [
      [0, 0],
      [0, 0],
    ],
  };
}

/** Zeros between the rows and columns of `dy`, so that its pixels are where the windows of the convolution began. */
function spread(run: Run, dy: TensorInfo, info: Info): TensorInfo {
  const { batchSize, outHeight, outWidth, outChannels, strideHeight, strideWidth } = info;
  if (strideHeight === 1 && strideWidth === 1) return dy;
  const zerosAfter = (x: TensorInfo, count: number): TensorInfo =>
    run(
      'PadV2',
      { x },
      {
        paddings: [
          [0, 0],
          [0, count],
          [0, 0],
        ],
        constantValue: 0,
      },
    );
  const rows = zerosAfter(shaped(dy, [batchSize * outHeight, 1, outWidth * outChannels]), strideHeight - 1);
  const columns = zerosAfter(
    shaped(rows, [batchSize * outHeight * strideHeight * outWidth, 1, outChannels]),
    strideWidth - 1,
  );
  const all = shaped(columns, [batchSize, outHeight * strideHeight, outWidth * strideWidth, outChannels]);
  const size = [batchSize, reach(outHeight, strideHeight, 1), reach(outWidth, strideWidth, 1), outChannels];
  return run('Slice', { x: all }, { begin: [0, 0, 0, 0], size });
}

type Pad = [vertical: [number, number], horizontal: [number, number]];

function convolve(
  run: Run,
  call: { x: TensorInfo; filter: TensorInfo; pad: Pad; dilations: [number, number] },
): TensorInfo {
  const { x, filter, dilations } = call;
  const pad = [[0, 0], ...call.pad, [0, 0]];
  return run('Conv2D', { x, filter }, { strides: [1, 1], dilations, pad, dataFormat: 'NHWC' });
}

function geometry(inShape: Shape4, filterShape: Shape4, attrs: Attrs): Info {
  if (attrs['dataFormat'] === 'NCHW') {
    throw new Error('The WebAssembly backend convolves with the channels last (NHWC) only.');
  }
  return backend_util.computeConv2DInfo(
    inShape,
    filterShape,
    attrs['strides'] as number,
    1,
    attrs['pad'] as 'same',
    attrs['dimRoundingMode'] as 'floor',
  );
}

/** How many cells so many windows cover, from the first to the last. */
function reach(windows: number, stride: number, width: number): number {
  return (windows - 1) * stride + width;
}

function positions({ batchSize, outHeight, outWidth }: Info): number {
  return batchSize * outHeight * outWidth;
}
