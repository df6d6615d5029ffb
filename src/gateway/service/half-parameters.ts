import { createHash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { CloudNodeError } from '../../protocol/errors.js';
import type { DownloadRef, ParametersRef } from '../../protocol/model.js';
import { rootHash } from '../../tensors/hash.js';
import { HalfEncoder } from '../../tensors/half-encoder.js';

const MAX_KEPT = 256;

/** The shards of a version as f32, one after another. */
export type ReadShards = (repoId: string, parameters: ParametersRef) => AsyncIterable<Uint8Array>;

/**
 * Versions as f16. They are stored as f32 only and converted as they are sent; what they hash to is computed when it is
 * first asked for, which reads the version once, and kept.
 */
export class HalfParameters {
  readonly #read: ReadShards;
  /** Made for the first who asks for halves. */
  #encoder: HalfEncoder | undefined;
  readonly #refs = new Map<string, Promise<DownloadRef>>();

  constructor(read: ReadShards) {
    this.#read = read;
  }

  /** @throws `encoding_unavailable` when f16 does not reach a parameter, `version_not_found` */
  encode(shard: Uint8Array, { version, scope }: ParametersRef): Uint8Array {
    this.#encoder ??= new HalfEncoder();
    const halves = this.#encoder.encode(shard);
    if (halves !== null) return halves;
    throw new CloudNodeError(
      'encoding_unavailable',
      `Version ${version} under "${scope}" has a parameter beyond 65504, the largest f16.`,
    );
  }

  /** How to check the version as f16. Throws like {@link encode}. */
  ref(repoId: string, parameters: ParametersRef): Promise<DownloadRef> {
    const { sha256 } = parameters;
    const known = this.#refs.get(sha256);
    if (known !== undefined) return known;
    const ref = this.#compute(repoId, parameters);
    this.#refs.set(sha256, ref);
    ref.catch(() => this.#refs.delete(sha256));
    const [oldest = ''] = this.#refs.keys();
    if (this.#refs.size > MAX_KEPT) this.#refs.delete(oldest);
    return ref;
  }

  async #compute(repoId: string, parameters: ParametersRef): Promise<DownloadRef> {
    const shards: string[] = [];
    for await (const shard of this.#read(repoId, parameters)) {
      shards.push(createHash('sha256').update(this.encode(shard, parameters)).digest('hex'));
      // Shards out of the cache come without a pause: others wait.
      await setImmediate();
    }
    return { encoding: 'f16', sha256: await rootHash(shards), shards };
  }
}
