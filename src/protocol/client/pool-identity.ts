import { CloudNodeError } from '../errors.js';
import type { Proof, ProofStatement, Signed, StatementKind } from '../identity.js';
import { PROTOCOL_VERSION } from '../ids.js';
import { KnownKeys } from './known-keys.js';
import { ApiClient } from './request.js';
import { asSigned, isSigned, newNonce } from './signed.js';

/** How long a proof is good for further requests to the same address. */
const PROOF_MS = 60_000;

/** Tells the pool from everybody else by its key. Shared by the SDKs; runs in browsers and in Node. */
export class PoolIdentity {
  readonly repoId: string;
  readonly #keys: KnownKeys;
  readonly #fetch: typeof fetch | undefined;
  readonly #proofs = new Map<string, { readonly atMs: number; readonly proof: Promise<void> }>();

  /** @throws TypeError when a key is none */
  constructor(pinned: string | readonly string[], repoId: string, fetch?: typeof globalThis.fetch) {
    this.repoId = repoId;
    this.#fetch = fetch;
    this.#keys = new KnownKeys(pinned);
  }

  /** Has the gateway prove itself, unless it did a little while ago. Throws like {@link prove}. */
  admit(baseUrl: string): Promise<void> {
    const known = this.#proofs.get(baseUrl);
    return known !== undefined && Date.now() - known.atMs < PROOF_MS ? known.proof : this.prove(baseUrl);
  }

  /**
   * Has the gateway prove itself, before it is told any credentials.
   * @throws {CloudNodeError} `pool_unproven`, `pool_impostor`, `pool_replayed`, `pool_downgraded`
   * @throws {NoAnswerError} when it does not answer
   */
  prove(baseUrl: string): Promise<void> {
    const proof = this.#prove(baseUrl);
    this.#proofs.set(baseUrl, { atMs: Date.now(), proof });
    proof.catch(() => {
      if (this.#proofs.get(baseUrl)?.proof === proof) this.#proofs.delete(baseUrl);
    });
    return proof;
  }

  /**
   * What the pool has signed.
   * @param what in an error, e.g. "assignment"
   * @throws {CloudNodeError} `pool_unproven`, `pool_impostor`, `pool_altered`
   */
  async read<T>(kind: StatementKind, value: unknown, what: string): Promise<T> {
    const signed = asSigned(value);
    if (signed === null) throw new CloudNodeError('pool_unproven', `The ${what} came without a signature.`);
    this.#requireKey(signed, what);
    if (!(await isSigned(kind, signed))) {
      throw new CloudNodeError('pool_altered', `The ${what} is not what the pool has signed.`);
    }
    return JSON.parse(signed.statement) as T;
  }

  async #prove(baseUrl: string): Promise<void> {
    const nonce = newNonce();
    const { repoId } = this;
    const proof = await this.#ask(baseUrl, { repoId, nonce });
    const signed = asSigned(proof);
    if (signed === null) throw unproven(baseUrl);
    if (Array.isArray(proof.successors)) await this.#keys.follow(proof.successors);
    this.#requireKey(signed, `proof of ${baseUrl}`);
    if (!(await isSigned('proof', signed))) {
      throw new CloudNodeError(
        'pool_impostor',
        `${baseUrl} shows the key ${signed.publicKey} but can not sign with it.`,
      );
    }
    const said = JSON.parse(signed.statement) as ProofStatement;
    if (said.nonce !== nonce || said.repoId !== repoId) {
      throw new CloudNodeError(
        'pool_replayed',
        `${baseUrl} repeats a proof that was given to somebody else.`,
      );
    }
    if (said.protocolVersion !== PROTOCOL_VERSION) {
      throw new CloudNodeError(
        said.protocolVersion < PROTOCOL_VERSION ? 'pool_downgraded' : 'unsupported_protocol',
        `${baseUrl} speaks protocol version ${said.protocolVersion}; this client speaks ${PROTOCOL_VERSION}.`,
      );
    }
  }

  async #ask(baseUrl: string, json: { repoId: string; nonce: string }): Promise<Partial<Proof>> {
    // No credentials: whoever answers has not proved anything yet.
    const api = new ApiClient({ urls: baseUrl, headers: () => ({}), fetch: this.#fetch });
    try {
      return await api.json<Proof>({ method: 'POST', path: '/v1/proof', json, attempts: 1 });
    } catch (error) {
      const refused = error instanceof CloudNodeError && !error.retryable;
      throw refused ? unproven(baseUrl, error) : error;
    }
  }

  #requireKey({ publicKey }: Signed, what: string): void {
    const sinceMs = this.#keys.since(publicKey);
    if (sinceMs !== null && sinceMs <= Date.now()) return;
    const why =
      sinceMs === null
        ? 'which is neither pinned nor a successor of a pinned one'
        : `which is the pool's only from ${new Date(sinceMs).toISOString()} on`;
    throw new CloudNodeError('pool_impostor', `The ${what} is signed by the key ${publicKey}, ${why}.`);
  }
}

function unproven(baseUrl: string, cause?: CloudNodeError): CloudNodeError {
  const why = cause === undefined ? '' : ` (${cause.message})`;
  return new CloudNodeError('pool_unproven', `${baseUrl} does not prove who it is${why}.`, { cause });
}
