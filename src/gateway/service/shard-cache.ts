import type { BlobRef, BlobStore } from '../../blobs/blob-store.js';

type Blobs = Pick<BlobStore, 'get' | 'giveBack'>;

interface Entry {
  /** Null: the store has no such shard. */
  readonly bytes: Promise<Uint8Array | null>;
  /** Who asked for it and has not released it. */
  readers: number;
  isKept: boolean;
}

/**
 * Shards that are downloaded often, the least recently used dropped first. They are content-addressed, so what is here
 * is never stale; many who ask for the same one at once cost one read. The memory of one that was dropped and released
 * is given back to the store, which reads the next into it: V8 would collect it much later.
 */
export class ShardCache {
  readonly #blobs: Blobs;
  readonly #maxBytes: number;
  readonly #entries = new Map<string, Entry>();
  readonly #kept = new Map<string, Uint8Array>();
  readonly #entryOf = new WeakMap<Uint8Array, Entry>();
  #bytes = 0;

  constructor(blobs: Blobs, maxBytes: number) {
    this.#blobs = blobs;
    this.#maxBytes = maxBytes;
  }

  /** Whoever never releases what this gives costs memory until V8 collects it, and nothing else. */
  async get(ref: BlobRef): Promise<Uint8Array | null> {
    const key = `${ref.repoId}/${ref.scope}/${ref.shard}/${ref.name}`;
    const kept = this.#kept.get(key);
    if (kept !== undefined) {
      // Last in the order of insertion is most recently used.
      this.#kept.delete(key);
      this.#kept.set(key, kept);
    }
    const entry = this.#entries.get(key) ?? this.#load(key, ref);
    entry.readers++;
    return entry.bytes;
  }

  /** Says that these bytes, or the last of them that somebody else has, are not read any more; once for each `get`. */
  release(bytes: Uint8Array): void {
    const entry = this.#entryOf.get(bytes);
    if (entry === undefined) return;
    entry.readers--;
    this.#giveBack(entry, bytes);
  }

  #load(key: string, ref: BlobRef): Entry {
    const load = async (): Promise<Uint8Array | null> => {
      try {
        const found = await this.#blobs.get(ref);
        return found === null ? null : this.#keep(key, { entry, found });
      } finally {
        if (!entry.isKept) this.#entries.delete(key);
      }
    };
    const entry: Entry = { bytes: Promise.resolve().then(load), readers: 0, isKept: false };
    this.#entries.set(key, entry);
    return entry;
  }

  #keep(key: string, { entry, found }: { entry: Entry; found: Uint8Array }): Uint8Array {
    // A small value may be a view on a large buffer of the parser: keep the value only.
    const own = found.byteLength < found.buffer.byteLength ? new Uint8Array(found) : found;
    this.#entryOf.set(own, entry);
    if (own.length > this.#maxBytes) return own;
    entry.isKept = true;
    this.#kept.set(key, own);
    this.#bytes += own.length;
    for (const [oldest, bytes] of this.#kept) {
      if (this.#bytes <= this.#maxBytes) break;
      this.#drop(oldest, bytes);
    }
    return own;
  }

  #drop(key: string, bytes: Uint8Array): void {
    this.#kept.delete(key);
    this.#bytes -= bytes.length;
    const entry = this.#entries.get(key);
    this.#entries.delete(key);
    if (entry === undefined) return;
    entry.isKept = false;
    this.#giveBack(entry, bytes);
  }

  #giveBack(entry: Entry, bytes: Uint8Array): void {
    if (entry.readers > 0 || entry.isKept) return;
    this.#entryOf.delete(bytes);
    this.#blobs.giveBack?.(bytes);
  }
}
