import { countExamples, type ArrayData, type Values } from '../dataset.js';
import type { Database } from './database.js';

/** What is known about a data set without reading it. */
export interface StoredDataset {
  readonly datasetId: string;
  readonly numExamples: number;
  readonly bytes: number;
  readonly inputShape: readonly number[];
  readonly labelShape: readonly number[];
  /** Unix time, ms. */
  readonly addedMs: number;
}

interface Entry extends StoredDataset {
  /** Which of several copies the chunks belong to: a copy that was not written to its end is never read. */
  readonly copy: string;
  readonly inputs: Piecewise;
  readonly labels: Piecewise;
}

interface Piecewise {
  readonly type: keyof typeof ARRAYS;
  readonly length: number;
  readonly chunks: number;
}

const ARRAYS = { f32: Float32Array, i32: Int32Array, u8: Uint8Array } as const;
type Typed = Float32Array | Int32Array | Uint8Array;
/** Small enough to be copied between processes without a hitch. */
const CHUNK_BYTES = 4 * 1024 * 1024;

/** Data sets in the browser's own database. They stay there until they are removed, and nowhere else. */
export class DataStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async list(): Promise<StoredDataset[]> {
    return (await this.#database.all('datasets')) as Entry[];
  }

  /**
   * Adds or replaces a data set. A tab that dies in the middle leaves the old one.
   * @throws TypeError when inputs and labels do not fit
   * @throws DOMException `QuotaExceededError` when the browser gives no more room
   */
  async put(datasetId: string, data: ArrayData): Promise<StoredDataset> {
    const numExamples = countExamples(data);
    const [inputs, labels] = [typed(data.inputs), typed(data.labels)];
    const copy = crypto.randomUUID();
    const entry: Entry = {
      datasetId,
      numExamples,
      bytes: inputs.byteLength + labels.byteLength,
      inputShape: [...data.inputShape],
      labelShape: [...data.labelShape],
      addedMs: Date.now(),
      copy,
      inputs: await this.#putPieces([datasetId, copy, 'inputs'], inputs),
      labels: await this.#putPieces([datasetId, copy, 'labels'], labels),
    };
    await this.#database.put('datasets', datasetId, entry);
    await this.#removePieces(datasetId, copy);
    return entry;
  }

  /** @returns null when there is none of that name */
  async get(datasetId: string): Promise<ArrayData | null> {
    const entry = (await this.#database.get('datasets', datasetId)) as Entry | undefined;
    if (entry === undefined) return null;
    const { copy, inputShape, labelShape } = entry;
    const inputs = await this.#getPieces([datasetId, copy, 'inputs'], entry.inputs);
    const labels = await this.#getPieces([datasetId, copy, 'labels'], entry.labels);
    return inputs === null || labels === null ? null : { inputs, inputShape, labels, labelShape };
  }

  async remove(datasetId: string): Promise<void> {
    await this.#database.delete('datasets', datasetId);
    await this.#removePieces(datasetId, null);
  }

  async #putPieces(prefix: readonly string[], values: Typed): Promise<Piecewise> {
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    let chunks = 0;
    for (let at = 0; at < bytes.length; at += CHUNK_BYTES, chunks++) {
      await this.#database.put('chunks', [...prefix, chunks], bytes.slice(at, at + CHUNK_BYTES));
    }
    return { type: typeOf(values), length: values.length, chunks };
  }

  async #getPieces(prefix: readonly string[], { type, length, chunks }: Piecewise): Promise<Typed | null> {
    const values = new ARRAYS[type](length);
    const bytes = new Uint8Array(values.buffer);
    for (let i = 0; i < chunks; i++) {
      const piece = (await this.#database.get('chunks', [...prefix, i])) as Uint8Array | undefined;
      // Removed by another tab while this one reads.
      if (piece === undefined) return null;
      bytes.set(piece, i * CHUNK_BYTES);
    }
    return values;
  }

  /** All pieces of a data set but those of the copy `kept`. */
  async #removePieces(datasetId: string, kept: string | null): Promise<void> {
    const ranges =
      kept === null
        ? [IDBKeyRange.bound([datasetId], [datasetId, []])]
        : [
            IDBKeyRange.bound([datasetId], [datasetId, kept], false, true),
            IDBKeyRange.bound([datasetId, kept, []], [datasetId, []]),
          ];
    for (const range of ranges) await this.#database.delete('chunks', range);
  }
}

function typed(values: Values): Typed {
  return values instanceof Float32Array || values instanceof Int32Array || values instanceof Uint8Array
    ? values
    : Float32Array.from(values);
}

function typeOf(values: Typed): keyof typeof ARRAYS {
  return values instanceof Float32Array ? 'f32' : values instanceof Int32Array ? 'i32' : 'u8';
}
