import { dataError } from './data-error.js';

/** An array of NumPy, in row-major order. */
export interface NpyArray {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

interface Header {
  readonly type: string;
  readonly littleEndian: boolean;
  readonly fortran: boolean;
  readonly shape: readonly number[];
  /** Where the values begin. */
  readonly offset: number;
}

type Read = (view: DataView, at: number, little: boolean) => number;

/** By what NumPy calls them: kind and bytes. 64-bit integers are rounded to f32, like all that becomes a tensor. */
const TYPES: Readonly<Record<string, { readonly bytes: number; readonly read: Read }>> = {
  f8: { bytes: 8, read: (view, at, little) => view.getFloat64(at, little) },
  f4: { bytes: 4, read: (view, at, little) => view.getFloat32(at, little) },
  f2: { bytes: 2, read: (view, at, little) => halfToNumber(view.getUint16(at, little)) },
  i1: { bytes: 1, read: (view, at) => view.getInt8(at) },
  i2: { bytes: 2, read: (view, at, little) => view.getInt16(at, little) },
  i4: { bytes: 4, read: (view, at, little) => view.getInt32(at, little) },
  i8: { bytes: 8, read: (view, at, little) => Number(view.getBigInt64(at, little)) },
  u1: { bytes: 1, read: (view, at) => view.getUint8(at) },
  u2: { bytes: 2, read: (view, at, little) => view.getUint16(at, little) },
  u4: { bytes: 4, read: (view, at, little) => view.getUint32(at, little) },
  u8: { bytes: 8, read: (view, at, little) => Number(view.getBigUint64(at, little)) },
  b1: { bytes: 1, read: (view, at) => (view.getUint8(at) === 0 ? 0 : 1) },
};

/**
 * Reads the .npy format, versions 1 to 3 (NumPy enhancement proposal 1): numbers and booleans of any width, either byte
 * order, row- or column-major.
 *
 * @param name of the file, for messages
 * @throws CliError (usage) that names the file, and the position of a value that is not finite
 */
export function readNpy(bytes: Uint8Array, name: string): NpyArray {
  const { type, littleEndian, fortran, shape, offset } = readHeader(bytes, name);
  const reader = TYPES[type];
  if (reader === undefined) {
    const advice = `These can: ${Object.keys(TYPES).join(', ')}.`;
    throw dataError({ file: name }, `values of type "${type}" cannot be used.`, advice);
  }
  const count = shape.reduce((product, size) => product * size, 1);
  const has = bytes.length - offset;
  if (has !== count * reader.bytes) {
    const message = `shape [${shape.join(', ')}] of ${type} needs ${count * reader.bytes} bytes; there are ${has}.`;
    throw dataError({ file: name }, message);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset + offset);
  const values = new Float32Array(count);
  for (let i = 0; i < count; i++) values[i] = reader.read(view, i * reader.bytes, littleEndian);
  const odd = values.findIndex((value) => !Number.isFinite(value));
  if (odd >= 0) {
    const position = fortran ? positionOf(odd, [...shape].reverse()).reverse() : positionOf(odd, shape);
    throw dataError({ file: name }, `[${position.join(', ')}] is NaN, infinite or too large for f32.`);
  }
  return { shape, values: fortran ? toRowMajor(values, shape) : values };
}

function readHeader(bytes: Uint8Array, name: string): Header {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const isNpy = bytes.length >= 12 && String.fromCharCode(...bytes.subarray(0, 6)) === '\x93NUMPY';
  if (!isNpy) throw dataError({ file: name }, 'this is no .npy array.');
  const wide = (bytes[6] ?? 0) >= 2;
  const length = wide ? view.getUint32(8, true) : view.getUint16(8, true);
  const begin = wide ? 12 : 10;
  const text = new TextDecoder().decode(bytes.subarray(begin, begin + length));
  // A dictionary as Python writes it; NumPy writes these three keys, nothing else.
  const descr = /'descr': *'([<>|=])([a-zA-Z]\d+)'/.exec(text);
  const fortran = /'fortran_order': *(True|False)/.exec(text);
  const shape = /'shape': *\(([\d, ]*)\)/.exec(text);
  if (descr === null || fortran === null || shape === null) {
    throw dataError({ file: name }, `it holds something other than numbers: ${text.trim().slice(0, 120)}`);
  }
  const sizes = (shape[1] ?? '').split(',').filter((size) => size.trim() !== '');
  return {
    type: descr[2] ?? '',
    littleEndian: descr[1] !== '>',
    fortran: fortran[1] === 'True',
    shape: sizes.map(Number),
    offset: begin + length,
  };
}

/** Indices of the n-th value in row-major order. */
function positionOf(n: number, shape: readonly number[]): number[] {
  const position: number[] = [];
  for (const size of [...shape].reverse()) {
    position.unshift(n % size);
    n = Math.floor(n / size);
  }
  return position;
}

function toRowMajor(values: Float32Array, shape: readonly number[]): Float32Array {
  const turned = new Float32Array(values.length);
  for (let i = 0; i < turned.length; i++) {
    const at = positionOf(i, shape).reduceRight((sum, index, axis) => sum * (shape[axis] ?? 1) + index, 0);
    turned[i] = values[at] ?? 0;
  }
  return turned;
}

function halfToNumber(bits: number): number {
  const exponent = (bits >>> 10) & 31;
  const fraction = bits & 1023;
  const sign = bits >>> 15 === 0 ? 1 : -1;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : Number.NaN;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15));
}
