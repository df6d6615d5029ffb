import h5wasm, { Dataset, Group, type Attribute, type File } from 'h5wasm';
import { requireSoundHeaps } from './hdf5-heaps.js';
import { badFile } from './json.js';

const MAX_NAMES = 10_000;
const MAX_DIMENSIONS = 8;
let files = 0;
/** A trap leaves the library in no state to be used again: broken files can bring that about. */
let isTrapped = false;

/** Whether the bytes begin as an HDF5 file does. */
export function isHdf5(bytes: Uint8Array): boolean {
  return [0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a].every((byte, i) => bytes[i] === byte);
}

/**
 * Reads an HDF5 file from memory. The library is the one for browsers, on purpose: it sees a file system of its own in
 * memory, so a link to another file, which HDF5 has, leads nowhere.
 * @throws `invalid_model` when the file is broken
 */
export async function readHdf5<T>(bytes: Uint8Array, read: (file: Hdf5Reader) => T): Promise<T> {
  if (!isHdf5(bytes)) throw badFile('The weights are no HDF5 file.');
  requireSoundHeaps(bytes);
  return inMemory(async (path, fs) => {
    fs.writeFile(path, bytes);
    return guarded(() => {
      const file = new h5wasm.File(path, 'r');
      try {
        return read(new Hdf5Reader(file, bytes.length));
      } finally {
        file.close();
      }
    });
  });
}

/** Makes an HDF5 file in memory. */
export async function writeHdf5(write: (file: File) => void): Promise<Uint8Array> {
  return inMemory(async (path, fs) => {
    const file = new h5wasm.File(path, 'w');
    try {
      write(file);
    } finally {
      file.close();
    }
    return fs.readFile(path);
  });
}

/** Reads what it is asked for, and its size before it. Links are only followed to what has the asked name. */
export class Hdf5Reader {
  readonly #root: File;
  readonly #fileBytes: number;

  constructor(root: File, fileBytes: number) {
    this.#root = root;
    this.#fileBytes = fileBytes;
  }

  has(path: string): boolean {
    const found = this.#root.get(path);
    return found instanceof Group || found instanceof Dataset;
  }

  /** A text attribute, or null. */
  text(path: string, name: string, maxBytes: number): string | null {
    const attribute = this.#attribute(path, name);
    if (attribute === null) return null;
    const { metadata } = attribute;
    // Text of variable length is not longer than the file, which is bounded.
    if (metadata.total_size !== 1 || (!metadata.vlen && metadata.size > maxBytes))
      throw badFile(`The attribute "${name}" has more than ${maxBytes} bytes.`);
    const value = attribute.value;
    if (typeof value !== 'string') throw badFile(`The attribute "${name}" is not text.`);
    if (value.length > maxBytes) throw badFile(`The attribute "${name}" has more than ${maxBytes} bytes.`);
    return value;
  }

  /** A list of names. Keras writes what is too long for one attribute as `<name>0`, `<name>1` and so on. */
  names(path: string, name: string): string[] {
    const whole = this.#names(path, name);
    if (whole !== null) return whole;
    const all: string[] = [];
    for (let i = 0; all.length <= MAX_NAMES; i++) {
      const part = this.#names(path, `${name}${i}`);
      if (part === null) return all;
      if (part.length === 0) break;
      all.push(...part);
    }
    throw badFile(`The attribute "${name}" has more than ${MAX_NAMES} parts or an empty one.`);
  }

  /**
   * @throws `invalid_model` when it is missing, not float32, or has another shape
   */
  floats(path: string, expected: readonly number[]): Float32Array {
    const found = this.#root.get(path);
    if (!(found instanceof Dataset)) throw badFile(`The weights "${path}" are missing.`);
    const { metadata } = found;
    const shape = metadata.shape ?? [];
    if (shape.length > MAX_DIMENSIONS || shape.join() !== expected.join())
      throw badFile(
        `The weights "${path}" have the shape [${shape.slice(0, MAX_DIMENSIONS).join(', ')}]; the model's have [${expected.join(', ')}].`,
      );
    if (metadata.type !== FLOAT || metadata.size !== 4 || !metadata.littleEndian)
      throw badFile(`The weights "${path}" are not float32.`);
    const { value } = found;
    if (typeof value === 'number') return Float32Array.of(value);
    if (!(value instanceof Float32Array)) throw badFile(`The weights "${path}" cannot be read.`);
    return value;
  }

  /**
   * Names of variable length take memory of their own each, inside the library: it has 2 GiB, and what needs more
   * fails there.
   */
  #names(path: string, name: string): string[] | null {
    const attribute = this.#attribute(path, name);
    if (attribute === null) return null;
    const { total_size: count, size } = attribute.metadata;
    if (count === 0) return [];
    if (count > MAX_NAMES || size * count > this.#fileBytes)
      throw badFile(`The attribute "${name}" lists ${count} names; the limit is ${MAX_NAMES}.`);
    const { value } = attribute;
    const list = Array.isArray(value) ? value : [value];
    if (!list.every((item): item is string => typeof item === 'string'))
      throw badFile(`The attribute "${name}" is not a list of names.`);
    // Names of a fixed length are filled up with zeros.
    return list.map((item) => item.replace(/\0+$/, ''));
  }

  #attribute(path: string, name: string): Attribute | null {
    const group = path === '' ? this.#root : this.#root.get(path);
    return group instanceof Group ? (group.attrs[name] ?? null) : null;
  }
}

const FLOAT = 1;

async function inMemory<T>(
  use: (
    path: string,
    fs: { writeFile(path: string, data: Uint8Array): void; readFile(path: string): Uint8Array },
  ) => Promise<T>,
): Promise<T> {
  if (isTrapped) throw new Error('the HDF5 library failed at another file, and begins anew with the process');
  const library = await h5wasm.ready;
  const { FS } = library;
  // Else it writes its errors to the console and goes on.
  library.activate_throwing_error_handler();
  const path = `/${(files += 1)}.h5`;
  try {
    return await use(path, FS);
  } finally {
    try {
      FS.unlink(path);
    } catch {
      // It was never made.
    }
  }
}

function guarded<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof Error && error.name === 'CloudNodeError') throw error;
    const text = error instanceof Error ? error.message : String(error);
    if (error instanceof WebAssembly.RuntimeError) isTrapped = true;
    // The last line but one says what could not be done, the rest which function of HDF5 called which.
    const reason = /:\s*([a-z][^:\n]{3,120})\n\s*major[^\n]*\n\s*minor[^\n]*\s*$/.exec(text)?.[1];
    throw badFile(`The HDF5 file is broken: ${reason ?? text.replace(/\s+/g, ' ').slice(0, 120)}.`);
  }
}
