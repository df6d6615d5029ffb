import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { isFinal, type SessionRecord } from '../../core/session.js';
import { CloudNodeError } from '../../protocol/errors.js';
import { encodeFrame } from '../../protocol/frame.js';
import type { Assignment } from '../../protocol/library.js';
import type { By } from '../audit/by.js';
import type { GatewayContext } from '../context.js';
import { ByteSource } from '../intake/byte-source.js';
import { receiveUpdate } from '../intake/receive-update.js';
import { joinLibrary, libraryStatus, settleAssignment } from '../service/library-status.js';
import type { Admitted } from './admission.js';
import { isRetryable, LegacyError } from './legacy-error.js';
import type { NoUpdate, Update } from './messages.js';
import { flatParameters } from './model-files.js';
import type { SessionAliases } from './session-alias.js';
import { datasetOf } from './to-job.js';
import { deltaOfGradients, deltaOfWeights, gradientsBetween } from './tensors.js';

/** Old Libraries say how many examples they have with the update only; until then it may be up to so many. */
const UNKNOWN_EXAMPLES = 2 ** 20;
const TRIES = 5;

export interface LibraryClientOptions {
  readonly ctx: GatewayContext;
  readonly aliases: SessionAliases;
  readonly who: Admitted;
  readonly by: By;
  /** 2020 is told of the end of a session, 2019 that its update was taken. */
  readonly year: 2019 | 2020;
  readonly send: (message: object) => void;
}

/** What one Library was told of a session: it counts rounds from 1 by itself, whenever it came. */
interface Told {
  alias: string;
  rounds: number;
  /** The version that it trained from last. */
  version: number;
  /** It sends gradients, and keeps its model by subtracting those that it is sent. */
  subtracts: boolean;
}

/** A Library of the predecessor, seen by the pool as any other. It has no name of its own: each connection is one. */
export class LibraryClient {
  readonly #options: LibraryClientOptions;
  readonly #library: { readonly repoId: string; readonly libraryId: string };
  readonly #connection = `legacy-${randomBytes(8).toString('hex')}`;
  readonly #told = new Map<string, Told>();
  readonly #lacks = new Set<string>();
  #examples = UNKNOWN_EXAMPLES;
  #announced = 0;
  #current: Assignment | null = null;

  constructor(options: LibraryClientOptions) {
    this.#options = options;
    this.#library = { repoId: options.who.repoId, libraryId: this.#connection };
  }

  /** Looks for work; called again and again. @throws LegacyError AUTHENTICATION once the Repo is gone */
  async look(): Promise<void> {
    const { ctx, who, by } = this.#options;
    const { repoId, libraryId } = this.#library;
    // Nothing else would end what was let in without a key.
    if (who.credential === null && (await ctx.stores.repos.find(repoId)) === null)
      throw new LegacyError('AUTHENTICATION', 'API key provided is invalid!');
    await ctx.stores.libraries.touch(repoId, [libraryId]);
    // 2019 finds its data by the Repo. How much there is changes once, with the first update.
    const datasets = [{ datasetId: repoId, numExamples: this.#examples }];
    const isNews = this.#announced !== this.#examples;
    const { assignment } = isNews
      ? await joinLibrary(ctx, this.#library, { datasets, connection: this.#connection })
      : await libraryStatus(ctx, this.#library);
    if (isNews) ctx.audit.library(by, { repoId, action: 'library.joined', target: { libraryId } });
    this.#announced = this.#examples;
    if (assignment === null || assignment.state === 'received') this.#current = null;
    else if (!isSame(assignment, this.#current)) await this.#begin(assignment);
    await this.#tellEnds();
  }

  /** @throws LegacyError, CloudNodeError */
  async update({ session_id, round, results }: Update): Promise<void> {
    const { ctx, year, by, send } = this.#options;
    const { assignment, told } = this.#expect(session_id, round);
    const { repoId, libraryId } = this.#library;
    const [{ record }, model] = await this.#session(assignment.sessionId);
    const delta =
      results.gradients === undefined
        ? deltaOfWeights(results.weights, await flatParameters(ctx, record, assignment.version))
        : deltaOfGradients(results.gradients, model.tensors);
    if (assignment.clipNorm !== null) clip(delta, assignment.clipNorm);
    const numExamples = Math.max(1, Math.round(results.omega));
    const header = {
      ...{ sessionId: assignment.sessionId, round: assignment.round, attempt: assignment.attempt },
      ...{ updateId: `u${randomBytes(16).toString('hex')}`, numExamples },
    };
    const frame = encodeFrame(header, new Uint8Array(delta.buffer));
    const origin = { repoId, libraryId, by, contentLength: frame.length };
    // What the pool is to be told from the next round on, even if this update is refused for it.
    this.#examples = numExamples;
    await patiently(() => receiveUpdate(ctx, origin, ByteSource.of(frame)));
    this.#current = null;
    told.subtracts = results.gradients !== undefined;
    if (year === 2019) send({ error: false, message: 'ack' });
  }

  /** It has not the data, or its training broke: somebody else is asked, and the session goes on. */
  async noUpdate({ type, session_id, round }: NoUpdate): Promise<void> {
    const { assignment } = this.#expect(session_id, round);
    const datasetId = datasetOf({ name: assignment.jobName, datasetId: assignment.datasetId });
    if (type === 'NO_DATASET' && datasetId !== null) this.#lacks.add(datasetId);
    await this.#giveBack(type === 'NO_DATASET' ? 'declined' : 'failed', type);
  }

  async close(): Promise<void> {
    const { repoId, libraryId } = this.#library;
    if (this.#current !== null)
      await this.#giveBack('declined', 'The Library has left.').catch(() => undefined);
    await this.#options.ctx.stores.libraries.leave(repoId, libraryId, this.#connection);
  }

  async #begin(assignment: Assignment): Promise<void> {
    const { send, year } = this.#options;
    this.#current = assignment;
    if (assignment.encoding !== 'f32') {
      return this.#giveBack('declined', 'Libraries of the predecessor send f32 only.');
    }
    const datasetId = datasetOf({ name: assignment.jobName, datasetId: assignment.datasetId });
    if (datasetId !== null && this.#lacks.has(datasetId)) {
      return this.#giveBack('declined', `There is no data set "${datasetId}" here.`);
    }
    await this.#settle('accepted', '');
    const told = this.#told.get(assignment.sessionId) ?? this.#first(assignment);
    const gradients = await this.#gradients(told, assignment);
    told.rounds += 1;
    told.version = assignment.version;
    const { batchSize, epochs, shuffle, labelIndex } = assignment.hyperparams;
    send({
      session_id: told.alias,
      repo_id: this.#library.repoId,
      round: told.rounds,
      action: 'TRAIN',
      hyperparams: { batch_size: batchSize, epochs, shuffle, label_index: labelIndex },
      ...(year === 2020 ? { error: false, dataset_id: datasetId } : {}),
      ...(gradients === null ? {} : { gradients }),
    });
  }

  #first({ sessionId, version }: Assignment): Told {
    const alias = this.#options.aliases.make(this.#library.repoId, sessionId);
    const told = { alias, rounds: 0, version, subtracts: false };
    this.#told.set(sessionId, told);
    return told;
  }

  /** From the version that it holds to the one to train from; if the former is gone, it begins anew. */
  async #gradients(told: Told, { sessionId, version }: Assignment): Promise<unknown> {
    if (!told.subtracts || told.rounds === 0) return null;
    const { ctx } = this.#options;
    const [{ record }, { tensors }] = await this.#session(sessionId);
    try {
      const from = await flatParameters(ctx, record, told.version);
      return gradientsBetween(from, await flatParameters(ctx, record, version), tensors);
    } catch (error) {
      if (!(error instanceof CloudNodeError) || error.code !== 'version_not_found') throw error;
      told.alias = this.#options.aliases.make(this.#library.repoId, sessionId);
      told.rounds = 0;
      return null;
    }
  }

  async #tellEnds(): Promise<void> {
    const { ctx, year, send } = this.#options;
    const { repoId } = this.#library;
    for (const [sessionId, { alias }] of this.#told) {
      if (this.#current?.sessionId === sessionId) continue;
      const stored = await ctx.stores.sessions.find(repoId, sessionId);
      if (stored !== null && !isFinal(stored.record.state)) continue;
      this.#told.delete(sessionId);
      const dataset_id = stored === null ? null : datasetOf(stored.record.job);
      if (year === 2020)
        send({ action: 'STOP', session_id: alias, dataset_id, repo_id: repoId, error: false });
    }
  }

  #expect(alias: string, round: number): { assignment: Assignment; told: Told } {
    const year = this.#options.year;
    const told = [...this.#told.values()].find((one) => one.alias === alias);
    if (told === undefined) {
      const what = year === 2019 ? 'session id' : 'session ID';
      throw new LegacyError('NEW_UPDATE', `The ${what} in the message doesn't match the service's.`);
    }
    const assignment = this.#current;
    const isNow = assignment !== null && this.#told.get(assignment.sessionId) === told;
    if (isNow && told.rounds === round) return { assignment, told };
    throw new LegacyError('NEW_UPDATE', "The round in the message doesn't match the current round.");
  }

  async #session(sessionId: string): Promise<[{ record: SessionRecord }, { tensors: ModelTensors }]> {
    const { stores } = this.#options.ctx;
    const stored = await stores.sessions.get(this.#library.repoId, sessionId);
    return [stored, await stores.models.get(this.#library.repoId, stored.record.job.modelId)];
  }

  async #giveBack(state: 'declined' | 'failed', reason: string): Promise<void> {
    await this.#settle(state, reason);
    this.#current = null;
  }

  async #settle(state: 'accepted' | 'declined' | 'failed', reason: string): Promise<void> {
    if (this.#current === null) return;
    const { sessionId, round, attempt } = this.#current;
    await settleAssignment(this.#options.ctx, this.#library, { sessionId, round, attempt, state, reason });
  }
}

type ModelTensors = Parameters<typeof deltaOfGradients>[1];

function isSame(a: Assignment, b: Assignment | null): boolean {
  return b !== null && a.sessionId === b.sessionId && a.round === b.round && a.attempt === b.attempt;
}

/** Old clients send once and wait: what can be tried again is tried again here. */
async function patiently<T>(run: () => Promise<T>): Promise<T> {
  for (let tried = 1; ; tried++) {
    try {
      return await run();
    } catch (error) {
      if (!isRetryable(error) || tried === TRIES) throw error;
      await sleep(error.retryAfterMs ?? 200 * 2 ** tried);
    }
  }
}

/** Old Libraries know nothing of a bound; the aim is a hair below it, for rounding. */
function clip(delta: Float32Array, clipNorm: number): void {
  const norm = Math.sqrt(delta.reduce((sum, value) => sum + value * value, 0));
  if (!(norm > clipNorm)) return;
  const factor = (clipNorm / norm) * (1 - 2 ** -20);
  delta.forEach((value, i) => (delta[i] = value * factor));
}
