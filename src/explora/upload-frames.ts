import { encodeFrame } from '../protocol/frame.js';
import type { ModelUploadHeader, TestSetHeader } from '../protocol/model.js';
import { countParams, flatten, sizeOfShape } from '../tensors/tensor-specs.js';
import type { ModelUpload, TestSetUpload } from './options.js';

/** The frame of a model. @throws RangeError when weights and specs do not agree */
export function modelFrame({ name = 'model', topology, tensors, weights }: ModelUpload): Uint8Array {
  const specs = tensors.map(({ name: tensorName, shape, dtype }) => ({
    name: tensorName,
    shape: [...shape],
    dtype,
  }));
  requireLength('weights', weights.length, countParams(specs));
  const header: ModelUploadHeader = {
    name,
    format: 'tfjs-layers',
    topology: { ...topology },
    tensors: specs,
  };
  return encodeFrame(header, bytesOf(weights));
}

/** The frame of a test set. @throws RangeError when values and shapes do not agree */
export function testSetFrame(testSet: TestSetUpload): Uint8Array {
  const { inputs, inputShape, labels, labelShape, numExamples } = testSet;
  requireLength('inputs', inputs.length, numExamples * sizeOfShape(inputShape));
  requireLength('labels', labels.length, numExamples * sizeOfShape(labelShape));
  const header: TestSetHeader = {
    numExamples,
    inputShape: [...inputShape],
    labelShape: [...labelShape],
  };
  return encodeFrame(header, bytesOf(flatten([inputs, labels])));
}

function requireLength(what: string, actual: number, expected: number): void {
  if (actual !== expected) throw new RangeError(`There are ${actual} ${what}; the shapes say ${expected}.`);
}

function bytesOf(values: Float32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}
