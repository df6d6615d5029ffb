import type { Metrics } from '../core/session.js';
import { DEFAULT_BACKOFF, sleep, backoffMs, type Backoff } from '../protocol/client/backoff.js';
import { isRetryable, retryAfterMs } from '../protocol/client/no-answer.js';
import { PoolIdentity } from '../protocol/client/pool-identity.js';
import { ApiClient, baseUrls } from '../protocol/client/request.js';
import type { EvaluatedModel, EvaluationView } from '../protocol/evaluation.js';
import { FRAME_CONTENT_TYPE } from '../protocol/frame.js';
import type { LoggedEvent, ModelView, RepoStatus, SessionRow, SessionView } from '../protocol/http.js';
import type { JobInput } from '../protocol/job.js';
import type { ModelRecord, TestSetRecord } from '../protocol/model.js';
import {
  checkManifest,
  downloadModel,
  downloadVersion,
  type DownloadedModel,
  type DownloadedVersion,
} from './downloads.js';
import { evaluate, type EvaluateOptions } from './evaluate.js';
import { follow } from './follow.js';
import { streamEvents } from './follow-http.js';
import type { ExploraOptions, ModelUpload, TestSetUpload, Via } from './options.js';
import { ExploraSession, type FollowOptions } from './session.js';
import { ANSWER_WITHIN_MS, ask, connectExplora, socketEvents, type ExploraSocket } from './socket.js';
import { modelFrame, testSetFrame } from './upload-frames.js';

/** Tries of a word over a socket, each at the next gateway. */
const SOCKET_ATTEMPTS = 6;

/** A gateway may give a minute to a probe, and one to that of somebody else before. */
const PROBED_WITHIN_MS = 150_000;

/**
 * Submits jobs of one Repo and reads what became of them.
 *
 * ```ts
 * const explora = new Explora({ url: 'https://pool.example', token, repoId: 'clinic' });
 * const model = await explora.uploadModel(await fromLayersModel(tfModel));
 * const session = await explora.submit({ modelId: model.modelId, hyperparams: { batchSize: 32 } });
 * const { history } = await session.result();
 * ```
 *
 * Methods throw `CloudNodeError` (what the pool said) or `NoAnswerError` (nobody answered); what another try can cure
 * has been tried again by then.
 */
export class Explora {
  readonly #api: ApiClient;
  readonly #urls: readonly string[];
  readonly #backoff: Backoff;
  readonly #token: () => string | Promise<string>;
  readonly #repoId: string;
  readonly #identity: PoolIdentity | null;
  #nextUrl: number;

  constructor(options: ExploraOptions) {
    const { token, poolKey } = options;
    this.#urls = baseUrls(options.urls ?? options.url ?? []);
    this.#backoff = { ...DEFAULT_BACKOFF, ...options.backoff };
    this.#token = typeof token === 'function' ? token : () => token;
    this.#repoId = options.repoId;
    const identity = poolKey === undefined ? null : new PoolIdentity(poolKey, options.repoId);
    this.#identity = identity;
    this.#nextUrl = Math.floor(this.#backoff.random() * this.#urls.length);
    this.#api = new ApiClient({
      urls: this.#urls,
      headers: async () => ({ authorization: `Bearer ${await this.#token()}` }),
      backoff: this.#backoff,
      admit: identity === null ? undefined : (url) => identity.admit(url),
    });
  }

  get repoId(): string {
    return this.#repoId;
  }

  /** Stores a model; the same content again gives the same `modelId`. */
  uploadModel(model: ModelUpload): Promise<ModelRecord> {
    const headers = { 'content-type': FRAME_CONTENT_TYPE };
    return this.#api.json({ method: 'POST', path: this.#path('models'), body: modelFrame(model), headers });
  }

  /** Stores or replaces the test set that the pool scores versions on. */
  uploadTestSet(testSetId: string, testSet: TestSetUpload): Promise<TestSetRecord> {
    const headers = { 'content-type': FRAME_CONTENT_TYPE };
    const path = this.#path(`test-sets/${testSetId}`);
    return this.#api.json({ method: 'PUT', path, body: testSetFrame(testSet), headers });
  }

  /**
   * Starts a session. Not repeated when it may have been accepted and only the answer was lost: look at `sessions()`.
   *
   * With a `probe` the pool first lets the model answer a small batch, and refuses the job (`model_unsupported`) when the
   * answers are others:
   *
   * ```ts
   * const probe = { inputs: [{ shape: [1, 2], values: [0.5, 1] }], outputs: [{ shape: [1, 1], values: [0.25] }] };
   * await explora.submit({ modelId, hyperparams: { batchSize: 32 }, probe });
   * ```
   */
  async submit(job: JobInput, { via = 'http' }: Via = {}): Promise<ExploraSession> {
    const idleMs = job.probe === undefined ? ANSWER_WITHIN_MS : PROBED_WITHIN_MS;
    if (via === 'http') {
      const request = {
        method: 'POST',
        path: this.#path('sessions'),
        json: job,
        idempotent: false,
        idleMs,
      } as const;
      const view = await this.#api.json<SessionView>(request);
      return this.session(view.sessionId);
    }
    const input = { repoId: this.#repoId, job };
    const { session } = await this.#overSocket((socket) =>
      ask<{ session: SessionView }>(socket, 'job:submit', input, idleMs),
    );
    return this.session(session.sessionId);
  }

  /** A session by its id, whoever submitted it. */
  session(sessionId: string): ExploraSession {
    return new ExploraSession(this, sessionId);
  }

  async sessions(): Promise<readonly SessionRow[]> {
    const path = this.#path('sessions');
    return (await this.#api.json<{ sessions: SessionRow[] }>({ path })).sessions;
  }

  async models(): Promise<readonly ModelView[]> {
    return (await this.#api.json<{ models: ModelView[] }>({ path: this.#path('models') })).models;
  }

  async testSets(): Promise<readonly TestSetRecord[]> {
    const path = this.#path('test-sets');
    return (await this.#api.json<{ testSets: TestSetRecord[] }>({ path })).testSets;
  }

  /**
   * Has the pool score a model on a test set of the Repo, and waits for it:
   *
   * ```ts
   * const { accuracy } = await explora.evaluate({ alias: 'production' }, { testSetId: 'mnist' });
   * ```
   *
   * A model by its id, the one that an alias points at now, or a version that a session keeps. Asking again for the same
   * costs nothing: what is there is the answer.
   * @returns loss and metrics by their names
   * @throws {EvaluationNotDoneError} when it can not be scored, or was not within `timeoutMs`
   */
  evaluate(model: EvaluatedModel, options: EvaluateOptions = {}): Promise<Metrics> {
    return evaluate(this.#api, this.#path('evaluations'), { model, options });
  }

  /** What was scored by hand, and what waits for it; newest first. */
  async evaluations(): Promise<readonly EvaluationView[]> {
    const path = this.#path('evaluations');
    return (await this.#api.json<{ evaluations: EvaluationView[] }>({ path })).evaluations;
  }

  /** Whether the Repo is busy, with how many Libraries, and what runs. */
  status(): Promise<RepoStatus> {
    return this.#api.json({ path: this.#path('') });
  }

  /** A model with its topology and weights, checked against their hashes. */
  downloadModel(modelId: string): Promise<DownloadedModel> {
    return downloadModel(this.#api, this.#path(''), modelId);
  }

  /** @see ExploraSession.get */
  readSession(sessionId: string): Promise<SessionView> {
    return this.#api.json({ path: this.#path(`sessions/${sessionId}`) });
  }

  /** @see ExploraSession.pause */
  pauseSession(sessionId: string, pause: boolean): Promise<SessionView> {
    const path = this.#path(`sessions/${sessionId}/${pause ? 'pause' : 'resume'}`);
    return this.#api.json({ method: 'POST', path, json: {} });
  }

  /** @see ExploraSession.cancel */
  cancelSession(sessionId: string, reason?: string): Promise<SessionView> {
    const path = this.#path(`sessions/${sessionId}/cancel`);
    return this.#api.json({ method: 'POST', path, json: reason === undefined ? {} : { reason } });
  }

  /** @see ExploraSession.weights */
  downloadVersion(sessionId: string, version: number): Promise<DownloadedVersion> {
    const path = this.#path(`sessions/${sessionId}/versions/${version}`);
    return downloadVersion(this.#api, path, (answer) =>
      checkManifest(this.#identity, answer, { sessionId, version }),
    );
  }

  /** @see ExploraSession.follow */
  followSession(sessionId: string, options: FollowOptions): AsyncGenerator<LoggedEvent> {
    const { via = 'http', afterEventId = null, signal = new AbortController().signal } = options;
    const overHttp = (from: {
      afterEventId: string | null;
      signal: AbortSignal;
    }): AsyncGenerator<LoggedEvent> =>
      streamEvents(this.#api, this.#path(`sessions/${sessionId}/events`), from);
    const overSocket = (from: {
      afterEventId: string | null;
      signal: AbortSignal;
    }): AsyncGenerator<LoggedEvent> => this.#socketEvents(sessionId, from);
    const isOver = async (): Promise<boolean> => (await this.readSession(sessionId)).endedMs !== null;
    const open = via === 'http' ? overHttp : overSocket;
    return follow({ open, isOver, backoff: this.#backoff }, { afterEventId, signal });
  }

  async *#socketEvents(
    sessionId: string,
    from: { afterEventId: string | null; signal: AbortSignal },
  ): AsyncGenerator<LoggedEvent> {
    const socket = await this.#connect();
    yield* socketEvents(socket, { repoId: this.#repoId, sessionId }, from);
  }

  /** Connects, asks, disconnects; tries again only while it did not get as far as asking. */
  async #overSocket<T>(use: (socket: ExploraSocket) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      let socket: ExploraSocket;
      try {
        socket = await this.#connect();
      } catch (error) {
        if (!isRetryable(error) || attempt >= SOCKET_ATTEMPTS) throw error;
        await sleep(backoffMs(attempt, this.#backoff, retryAfterMs(error)));
        continue;
      }
      try {
        return await use(socket);
      } finally {
        socket.disconnect();
      }
    }
  }

  async #connect(): Promise<ExploraSocket> {
    const url = this.#urls[this.#nextUrl % this.#urls.length] ?? '';
    this.#nextUrl += 1;
    await this.#identity?.prove(url);
    return connectExplora(url, await this.#token());
  }

  #path(rest: string): string {
    return `/v1/repos/${this.#repoId}${rest === '' ? '' : `/${rest}`}`;
  }
}
