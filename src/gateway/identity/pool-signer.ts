import type { Config } from '../../config/env.js';
import type { Proof, Signed } from '../../protocol/identity.js';
import { PROTOCOL_VERSION } from '../../protocol/ids.js';
import type { LibraryStatus, StatusStatement } from '../../protocol/library.js';
import type { Manifest, ManifestStatement, SignedManifest } from '../../protocol/model.js';
import { parsePoolKey, type PoolKey } from './pool-key.js';
import { signStatement } from './sign.js';
import { parseSuccessors, successorOf } from './successors.js';

type PoolKeyConfig = Partial<Pick<Config, 'POOL_KEY' | 'POOL_SUCCESSORS'>>;

/**
 * Signs what a gateway says. Workers need no key: what they publish is named by its hash, and whoever serves it signs
 * that name, so the result of a session does not depend on who signs it.
 */
export class PoolSigner {
  readonly publicKey: string;
  readonly #key: PoolKey;
  readonly #successors: readonly Signed[];

  private constructor(key: PoolKey, successors: readonly Signed[]) {
    this.#key = key;
    this.#successors = successors;
    this.publicKey = key.publicKey;
  }

  /** Null when the pool has no key. @throws Error that names the variable which is wrong */
  static from({ POOL_KEY, POOL_SUCCESSORS }: PoolKeyConfig): PoolSigner | null {
    if (POOL_KEY === undefined) return null;
    const key = named('POOL_KEY', () => parsePoolKey(POOL_KEY));
    const chain = named('POOL_SUCCESSORS', () => {
      const links = POOL_SUCCESSORS === undefined ? [] : parseSuccessors(POOL_SUCCESSORS);
      const keys = links.flatMap((link) => [link.publicKey, successorOf(link).publicKey]);
      if (links.length > 0 && !keys.includes(key.publicKey))
        throw new TypeError('the key of POOL_KEY is not in it');
      return links;
    });
    return new PoolSigner(key, chain);
  }

  proof({ repoId, nonce }: { readonly repoId: string; readonly nonce: string }): Proof {
    const signed = signStatement(this.#key, 'proof', { repoId, nonce, protocolVersion: PROTOCOL_VERSION });
    return { ...signed, successors: this.#successors };
  }

  /** The status as it is sent, with what the Library can hold against it. */
  status(
    status: LibraryStatus,
    { repoId, nonce }: { readonly repoId: string; readonly nonce: string },
  ): LibraryStatus {
    const { libraryId, assignment, pollMs, heartbeatMs } = status;
    const statement: StatusStatement = {
      repoId,
      libraryId,
      nonce,
      assignment:
        assignment === null
          ? null
          : {
              ...assignment,
              parameters: withoutShards(assignment.parameters),
              download: assignment.download === null ? null : withoutShards(assignment.download),
            },
      pollMs,
      heartbeatMs,
    };
    return { ...status, signed: signStatement(this.#key, 'status', statement) };
  }

  manifest(repoId: string, manifest: Manifest): SignedManifest {
    const parameters = withoutShards(manifest.parameters);
    const statement: ManifestStatement = { repoId, ...manifest, parameters };
    return { ...manifest, signed: signStatement(this.#key, 'manifest', statement) };
  }
}

function withoutShards<T extends { readonly shards: unknown }>({ shards: _, ...rest }: T): Omit<T, 'shards'> {
  return rest;
}

function named<T>(variable: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new Error(`${variable}: ${(error as Error).message}.`, { cause: error });
  }
}
