import { util, type TensorInfo } from '@tensorflow/tfjs-core';
import type { Compute } from './kernels.js';

/**
 * Adds up the rows of `x` that have the same segment: the gradient of looking rows up, so what an embedding learns by.
 * Rows of no segment (negative, or too large) are left out.
 */
export const unsortedSegmentSum: Compute = ({ inputs, attrs, backend }) => {
  const { x, segmentIds } = inputs as { x: TensorInfo; segmentIds: TensorInfo };
  const numSegments = attrs['numSegments'] as number;
  const rowShape = x.shape.slice(segmentIds.shape.length);
  const rowSize = util.sizeFromShape(rowShape);
  const output = backend.makeOutput([numSegments, ...rowShape], x.dtype);
  const [values, segments] = [backend.typedArrayFromHeap(x), backend.typedArrayFromHeap(segmentIds)];
  const sums = backend.typedArrayFromHeap(output).fill(0);
  segments.forEach((segment, row) => {
    if (segment < 0 || segment >= numSegments) return;
    for (let i = 0; i < rowSize; i++) {
      const at = segment * rowSize + i;
      sums[at] = (sums[at] as number) + (values[row * rowSize + i] as number);
    }
  });
  return output;
};
