/**
 * Where bytes live. A blob is one shard of something, or smaller. Names say what and how long:
 *
 * | scope | name | what | lives until |
 * |---|---|---|---|
 * | model or session id | `w.<sha256>` | a shard of parameters, content-addressed | its versions are dropped |
 * | session id | `u.<uploadId>` | a shard of an update | folded, or its time is over |
 * | session id | `s.<id>` | a shard of the exact sum of several updates | folded, or its time is over |
 * | session id | `p.<round>.<attempt>.<token>` | a partial | the next partial, or its time is over |
 * | upload id | `t` | a piece of a test set | it is replaced |
 */
export interface BlobRef {
  readonly repoId: string;
  readonly scope: string;
  readonly shard: number;
  readonly name: string;
}

/**
 * Not here on purpose: listing (names are known to their owners), and partial writes (a blob is whole or absent).
 * A name that is put with a time to live is used once: it has something random in it.
 */
export interface BlobStore {
  /** Durable when it resolves. @throws `storage_full`, `redis_unavailable`, `blob_store_unavailable` */
  put(ref: BlobRef, bytes: Uint8Array, options?: { readonly ttlMs?: number }): Promise<void>;
  /** Null only when the store says that it is not there; one whose time is over may be there for a while. */
  get(ref: BlobRef): Promise<Uint8Array | null>;
  /** The memory of a blob that was got, and that nobody reads any more: the store may read another one into it. */
  giveBack?(bytes: Uint8Array): void;
  /** Takes the time to live off: what was uploaded is complete. @returns false when some of it is gone already */
  keep(refs: readonly BlobRef[]): Promise<boolean>;
  /** Deleting what is not there is fine. */
  delete(refs: readonly BlobRef[]): Promise<void>;
  /** Deletes what a Repo may have beside that which its records name: the last step before they are forgotten. */
  deleteRepo(repoId: string): Promise<void>;
  /**
   * Deletes some of the blobs whose time is over; many may do so at once. @returns whether there is probably more
   */
  reap(): Promise<boolean>;
  /** For the start of a process: waits until the store can be used. @throws Error that says what to do */
  ready(withinMs: number): Promise<void>;
  close(): Promise<void>;
}

export const blobName = {
  parameters: (sha256: string): string => `w.${sha256}`,
  update: (uploadId: string): string => `u.${uploadId}`,
  sum: (id: string): string => `s.${id}`,
  isSum: (name: string): boolean => name.startsWith('s.'),
  partial: (at: { round: number; attempt: number }, token: string): string =>
    `p.${at.round}.${at.attempt}.${token}`,
  testSet: 't',
} as const;
