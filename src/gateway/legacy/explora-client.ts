import { sourceOf } from '../../keras/source.js';
import { trainingDefaults, type TrainingDefaults } from '../../keras/training.js';
import { ByteSource } from '../intake/byte-source.js';
import type { LoggedEvent } from '../../protocol/http.js';
import type { By } from '../audit/by.js';
import type { GatewayContext } from '../context.js';
import { followSession } from '../service/follow-session.js';
import { uploadKerasFile, type KerasUpload } from '../service/keras-files.js';
import { submitAs } from '../service/session-acts.js';
import { isBusy } from '../service/status.js';
import { uploadModelAs } from '../service/upload-model-as.js';
import type { Admitted } from './admission.js';
import { LegacyError, toLegacyError } from './legacy-error.js';
import type { NewSession } from './messages.js';
import { jobNameOf, toJob } from './to-job.js';

export interface ExploraClientOptions {
  readonly ctx: GatewayContext;
  readonly who: Admitted;
  readonly by: By;
  readonly year: 2019 | 2020;
  readonly send: (message: object) => void;
  readonly signal: AbortSignal;
}

interface LegacyModel {
  readonly modelId: string;
  readonly training: TrainingDefaults | null;
}

const ENDS: readonly string[] = ['session.completed', 'session.failed', 'session.cancelled'];

/** Explora of the predecessor: starts a session, and is told how it goes. The session goes on when it leaves. */
export class ExploraClient {
  readonly #options: ExploraClientOptions;

  constructor(options: ExploraClientOptions) {
    this.#options = options;
  }

  /** @throws LegacyError, CloudNodeError */
  async start(message: NewSession): Promise<void> {
    const { ctx, who, by, year } = this.#options;
    const { repoId } = who;
    if (message.repo_id !== repoId) throw new LegacyError('AUTHENTICATION', 'API key provided is invalid!');
    if (message.library_type?.toUpperCase() === 'IOS') {
      throw new LegacyError(
        'NEW_SESSION',
        'This pool makes no Core ML models: library_type PYTHON or JAVASCRIPT.',
      );
    }
    if (await isBusy(ctx, repoId)) throw new LegacyError('SERVER_BUSY', 'Server is already busy working.');
    const model = await this.#model(message);
    const job = toJob(message, model);
    const { sessionId } = await submitAs(ctx, by, repoId, job);
    const shown = year === 2019 ? sessionId : (message.session_id ?? sessionId);
    void this.#follow(sessionId, shown, message.dataset_id ?? null);
  }

  async #model({ h5_model, session_id }: NewSession): Promise<LegacyModel> {
    const { ctx, who, by } = this.#options;
    if (h5_model !== undefined) {
      const bytes = Buffer.from(h5_model, 'base64');
      const upload = { repoId: who.repoId, bytes, sessionId: session_id };
      const { modelId, keras } = await uploadLegacyModel(ctx, by, upload);
      return { modelId, training: keras.training };
    }
    const posted = session_id === undefined ? null : await findPosted(ctx, who.repoId, session_id);
    if (posted !== null) return posted;
    throw new LegacyError(
      'MODEL_ERROR',
      'There is no model: send it as h5_model, or POST it to /keras/<session_id> before.',
    );
  }

  async #follow(sessionId: string, shown: string, datasetId: string | null): Promise<void> {
    const { ctx, who, send, signal } = this.#options;
    const session = { repoId: who.repoId, sessionId, afterId: null };
    try {
      for await (const { event } of followSession(ctx, session, signal)) this.#tell(event, shown, datasetId);
    } catch (error) {
      if (!signal.aborted) send(toLegacyError(error, 'OTHER').toWire());
    }
  }

  #tell(event: LoggedEvent['event'], shown: string, datasetId: string | null): void {
    const { who, year, send } = this.#options;
    const about = { session_id: shown, repo_id: who.repoId };
    if (event.type === 'session.failed') {
      send(new LegacyError('NO_NODES_LEFT', event.reason ?? 'All nodes in this round dropped out!').toWire());
    }
    if (year === 2019 && event.type === 'round.published') send({ ...about, action: 'NEW_MODEL' });
    if (year === 2020 && ENDS.includes(event.type)) {
      send({ action: 'STOP', ...about, dataset_id: datasetId, error: false });
    }
  }
}

/** What was posted to `/keras/<session_id>`, at whichever gateway. */
async function findPosted(
  ctx: GatewayContext,
  repoId: string,
  sessionId: string,
): Promise<LegacyModel | null> {
  const { models } = ctx.stores;
  const name = jobNameOf(sessionId);
  // The newest comes first.
  const newest = (await models.list(repoId)).find((model) => model.name === name && model.trainedBy === null);
  if (newest === undefined) return null;
  const topology = JSON.parse(await models.topology(repoId, newest.topologySha256)) as Record<
    string,
    unknown
  >;
  const compile = sourceOf(topology)?.compile ?? null;
  return { modelId: newest.modelId, training: compile === null ? null : trainingDefaults(compile, []) };
}

/** @throws LegacyError MODEL_ERROR with what is wrong with the model */
async function uploadLegacyModel(
  ctx: GatewayContext,
  by: By,
  { repoId, bytes, sessionId }: { repoId: string; bytes: Uint8Array; sessionId: string | undefined },
): Promise<KerasUpload> {
  const name = jobNameOf(sessionId);
  const upload = { repoId, source: ByteSource.of(bytes), contentLength: bytes.length, name };
  try {
    return await uploadModelAs(ctx, by, repoId, () => uploadKerasFile(ctx, upload));
  } catch (error) {
    throw toLegacyError(error, 'MODEL_ERROR');
  }
}
