import { type ApiClient } from '../protocol/client/request.js';
import { isRetryable, NoAnswerError } from '../protocol/client/no-answer.js';
import { downloadParameters, ParametersMismatchError } from '../protocol/client/parameters.js';
import type { PoolIdentity } from '../protocol/client/pool-identity.js';
import { CloudNodeError } from '../protocol/errors.js';
import { FRAME_CONTENT_TYPE } from '../protocol/frame.js';
import { MAX_INLINE_UPDATE_BYTES, type Assignment, type UpdateAccepted } from '../protocol/library.js';
import type { SignedManifest } from '../protocol/model.js';
import { decodeShard } from '../tensors/encoding.js';
import { sha256Hex } from '../tensors/hash.js';
import type { Connection } from './connection.js';
import { checkManifest } from './signed-answers.js';

/** What a Library says about its assignment. */
export type Word = 'accept' | 'decline' | 'fail';

/** Everything a Library gets from and sends to the pool about one assignment: words by socket, bytes by HTTP. */
export class Pool {
  readonly #api: ApiClient;
  readonly #connection: Connection;
  readonly #identity: PoolIdentity | null;
  readonly #topologies = new Map<string, unknown>();

  constructor(api: ApiClient, connection: Connection, identity: PoolIdentity | null) {
    this.#api = api;
    this.#connection = connection;
    this.#identity = identity;
  }

  /** Everything that training starts from: nothing is trained on before all of it has been checked. */
  async model(
    assignment: Assignment,
    signal: AbortSignal,
  ): Promise<{ topology: unknown; global: Float32Array<ArrayBuffer> }> {
    try {
      const [topology, global] = await Promise.all([
        this.#topology(assignment, signal),
        this.#parameters(assignment, signal),
        this.#checkManifest(assignment, signal),
      ]);
      return { topology, global };
    } catch (error) {
      if (this.#identity === null || !(error instanceof ParametersMismatchError)) throw error;
      throw new CloudNodeError(
        'pool_altered',
        `The model is not the one that the pool has signed: ${error.message}`,
        {
          cause: error,
        },
      );
    }
  }

  /** By socket, or by HTTP when there is no connection. @throws CloudNodeError, NoAnswerError */
  async tell(word: Word, input: Readonly<Record<string, unknown>>, signal?: AbortSignal): Promise<void> {
    try {
      await this.#connection.call(`assignment:${word}`, input);
    } catch (error) {
      if (!(error instanceof NoAnswerError)) throw error;
      await this.#api.json({ method: 'POST', path: `/v1/library/assignment/${word}`, json: input, signal });
    }
  }

  /** Only by socket: nobody misses it. */
  showProgress(input: Readonly<Record<string, unknown>>): void {
    if (this.#connection.connected) this.#connection.call('assignment:progress', input).catch(() => {});
  }

  /** The model's topology, checked against its hash; kept, since it is the same in every round. */
  async #topology({ topologySha256 }: Assignment, signal: AbortSignal): Promise<unknown> {
    const known = this.#topologies.get(topologySha256);
    if (known !== undefined) return known;
    const request = { path: `/v1/library/topologies/${topologySha256}`, signal, attempts: Infinity };
    const bytes = await this.#api.send(request, async ({ response }) => response.arrayBuffer());
    const actual = await sha256Hex(new Uint8Array(bytes));
    if (actual !== topologySha256) {
      throw new ParametersMismatchError(`The topology has the SHA-256 ${actual}, not ${topologySha256}.`);
    }
    const topology = JSON.parse(new TextDecoder().decode(bytes)) as unknown;
    this.#topologies.clear();
    this.#topologies.set(topologySha256, topology);
    return topology;
  }

  /** The global model in the encoding of the assignment, each shard checked against its hashes. */
  async #parameters(assignment: Assignment, signal: AbortSignal): Promise<Float32Array<ArrayBuffer>> {
    const { sessionId, version, parameters, download } = assignment;
    const path = `/v1/library/sessions/${sessionId}/versions/${version}/weights`;
    const source = { encoding: 'f32' as const, ...parameters, ...download };
    const bytes = await downloadParameters(
      this.#api,
      { path, signal, attempts: Infinity },
      source,
      sha256Hex,
    );
    return source.encoding === 'f32' ? new Float32Array(bytes.buffer) : decodeShard(bytes, source.encoding);
  }

  async #checkManifest(assignment: Assignment, signal: AbortSignal): Promise<void> {
    if (this.#identity === null) return;
    const { sessionId, version } = assignment;
    const path = `/v1/library/sessions/${sessionId}/versions/${version}`;
    const manifest = await this.#api.json<SignedManifest>({ path, signal, attempts: Infinity });
    await checkManifest(this.#identity, manifest, assignment);
  }

  /**
   * Sends an update until it is acknowledged, refused for good, or no longer wanted. It is the same frame, with the same
   * updateId, each time and at whichever gateway: the pool counts it once.
   */
  async putUpdate(frame: Uint8Array, signal: AbortSignal): Promise<UpdateAccepted> {
    if (frame.length <= MAX_INLINE_UPDATE_BYTES && this.#connection.connected) {
      try {
        return await this.#connection.call('update:put', frame);
      } catch (error) {
        // HTTP has the patience, and knows whether to go on.
        if (!isRetryable(error)) throw error;
      }
      signal.throwIfAborted();
    }
    return this.#api.json({
      method: 'PUT',
      path: '/v1/library/update',
      body: frame,
      headers: { 'content-type': FRAME_CONTENT_TYPE },
      signal,
      attempts: Infinity,
    });
  }
}
