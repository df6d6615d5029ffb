import type { BlobRef, BlobStore } from '../../blobs/blob-store.js';

/**
 * Of one shard under one scope, so many are kept: the versions of a session that Libraries and others read now. Without
 * this the versions of a small model would fill the cache, and nobody asks for most of them again.
 */
const MAX_VERSIONS = 3;

type Blobs = Pick<BlobStore, 'get' | 'giveBack'>;

interface Entry {
  /** The shard, of whatever version. */
  readonly slot: string;
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
  /** The kept ones of a slot, in the order in which they came. */
  readonly #slots = new Map<string, string[]>();
  readonly #entryOf = new WeakMap<Uint8Array, Entry>();
  #bytes = 0;

  constructor(blobs: Blobs, maxBytes: number) {
    this.#blobs = blobs;
    this.#maxBytes = maxBytes;
  }

  /** Whoever never releases what this gives costs memory until V8 collects it, and nothing else. */
  async get(ref: BlobRef): Promise<Uint8Array | null> {
    const key = `${slotOf(ref)}/${ref.name}`;
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
    const entry: Entry = {
      ...{ slot: slotOf(ref), bytes: Promise.resolve().then(load) },
      ...{ readers: 0, isKept: false },
    };
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
    const versions = this.#slots.get(entry.slot) ?? [];
    this.#slots.set(entry.slot, versions);
    const [first = ''] = versions;
    if (versions.push(key) > MAX_VERSIONS) this.#drop(first);
    for (const oldest of this.#kept.keys()) {
      if (this.#bytes <= this.#maxBytes) break;
      this.#drop(oldest);
    }
    return own;
  }

  #drop(key: string): void {
    const bytes = this.#kept.get(key);
    const entry = this.#entries.get(key);
    if (bytes === undefined || entry === undefined) return;
    this.#kept.delete(key);
    this.#entries.delete(key);
    this.#bytes -= bytes.length;
    const left = this.#slots.get(entry.slot)?.filter((other) => other !== key) ?? [];
    if (left.length > 0) this.#slots.set(entry.slot, left);
    else this.#slots.delete(entry.slot);
    entry.isKept = false;
    this.#giveBack(entry, bytes);
  }

  #giveBack(entry: Entry, bytes: Uint8Array): void {
    if (entry.readers > 0 || entry.isKept) return;
    this.#entryOf.delete(bytes);
    this.#blobs.giveBack?.(bytes);
  }
}

function slotOf({ repoId, scope, shard }: BlobRef): string {
  return `${repoId}/${scope}/${shard}`;
}
