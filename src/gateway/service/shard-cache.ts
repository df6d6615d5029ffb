import type { BlobRef, BlobStore } from '../../blobs/blob-store.js';

/**
 * Shards that are downloaded often, the least recently used dropped first. They are content-addressed, so what is here
 * is never stale; many who ask for the same one at once cost one read.
 */
export class ShardCache {
  readonly #blobs: Pick<BlobStore, 'get'>;
  readonly #maxBytes: number;
  readonly #kept = new Map<string, Uint8Array>();
  readonly #pending = new Map<string, Promise<Uint8Array | null>>();
  #bytes = 0;

  constructor(blobs: Pick<BlobStore, 'get'>, maxBytes: number) {
    this.#blobs = blobs;
    this.#maxBytes = maxBytes;
  }

  async get(ref: BlobRef): Promise<Uint8Array | null> {
    const key = `${ref.repoId}/${ref.scope}/${ref.shard}/${ref.name}`;
    const kept = this.#kept.get(key);
    if (kept !== undefined) {
      // Last in the order of insertion is most recently used.
      this.#kept.delete(key);
      this.#kept.set(key, kept);
      return kept;
    }
    const pending = this.#pending.get(key) ?? this.#load(key, ref);
    this.#pending.set(key, pending);
    return pending;
  }

  async #load(key: string, ref: BlobRef): Promise<Uint8Array | null> {
    try {
      const bytes = await this.#blobs.get(ref);
      if (bytes !== null) this.#keep(key, bytes);
      return bytes;
    } finally {
      this.#pending.delete(key);
    }
  }

  #keep(key: string, bytes: Uint8Array): void {
    if (bytes.length > this.#maxBytes) return;
    // A small value may be a view on a large buffer of the parser: keep the value only.
    const own = bytes.byteLength < bytes.buffer.byteLength ? new Uint8Array(bytes) : bytes;
    this.#kept.set(key, own);
    this.#bytes += own.length;
    for (const [oldest, dropped] of this.#kept) {
      if (this.#bytes <= this.#maxBytes) break;
      this.#kept.delete(oldest);
      this.#bytes -= dropped.length;
    }
  }
}
