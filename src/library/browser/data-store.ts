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
   * Adds or replaces a data set. The old one stays until the new one is written to its end.
   * @throws TypeError when inputs and labels do not fit
   * @throws DOMException `QuotaExceededError` when the browser gives no more room; nothing of the new one is left then
   */
  async put(datasetId: string, data: ArrayData): Promise<StoredDataset> {
    const numExamples = countExamples(data);
    const [inputs, labels] = [typed(data.inputs), typed(data.labels)];
    const copy = crypto.randomUUID();
    const bytes = inputs.byteLength + labels.byteLength;
    try {
      const entry: Entry = {
        datasetId,
        numExamples,
        bytes,
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
    } catch (error) {
      // It would take room until the data set is replaced or removed.
      await this.#removeCopy(datasetId, copy).catch(() => {});
      throw isQuota(error) ? await noRoom(datasetId, bytes) : error;
    }
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

  /** The pieces of one copy, unless it is the one that counts. */
  async #removeCopy(datasetId: string, copy: string): Promise<void> {
    const entry = (await this.#database.get('datasets', datasetId)) as Entry | undefined;
    if (entry?.copy === copy) return;
    await this.#database.delete('chunks', IDBKeyRange.bound([datasetId, copy], [datasetId, copy, []]));
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

function isQuota(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'QuotaExceededError';
}

/** The same error, with what a person can do about it: the browser's own says neither how much nor of what. */
async function noRoom(datasetId: string, bytes: number): Promise<DOMException> {
  // The quota that it tells is made up: sites would know the device by it.
  const { usage } = await navigator.storage.estimate().catch((): StorageEstimate => ({}));
  const mib = (count: number): string => (count / 2 ** 20).toFixed(1);
  const room = usage === undefined ? '' : ` beside the ${mib(usage)} MiB that it keeps for this site`;
  return new DOMException(
    `The browser has no room for the ${mib(bytes)} MiB of the data set "${datasetId}"${room}. What was kept before is still there. Free space, or add fewer examples.`,
    'QuotaExceededError',
  );
}

function typed(values: Values): Typed {
  return values instanceof Float32Array || values instanceof Int32Array || values instanceof Uint8Array
    ? values
    : Float32Array.from(values);
}

function typeOf(values: Typed): keyof typeof ARRAYS {
  return values instanceof Float32Array ? 'f32' : values instanceof Int32Array ? 'i32' : 'u8';
}
