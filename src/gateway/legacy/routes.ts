import type { Express, Request, RequestHandler, Response } from 'express';
import { isFinal, type SessionRecord } from '../../core/session.js';
import { CloudNodeError } from '../../protocol/errors.js';
import { byRequest } from '../audit/by.js';
import type { GatewayContext } from '../context.js';
import { withBody } from '../http/with-body.js';
import { contentLength } from '../http/answer.js';
import { sendWeights } from '../http/send-weights.js';
import { uploadKerasFile, writeKerasFile } from '../service/keras-files.js';
import { findParameters } from '../service/parameters.js';
import { cancelAs } from '../service/session-acts.js';
import { isBusy } from '../service/status.js';
import { uploadModelAs } from '../service/upload-model-as.js';
import { admit, bearerOf, splitCredential, type Admitted, type Need } from './admission.js';
import { LegacyError } from './legacy-error.js';
import { legacyModelJson, modelAt, WEIGHTS_FILE } from './model-files.js';
import type { SessionAliases } from './session-alias.js';
import { isNamed, jobNameOf } from './to-job.js';

/** The HTTP paths of the predecessor, with credentials. */
export function legacyRoutes(app: Express, ctx: GatewayContext, aliases: SessionAliases): void {
  const { sessions } = ctx.stores;
  const admitted = (req: Request, need: Need, repoId: string | null = null): Promise<Admitted> =>
    admit(ctx, { credential: bearerOf(req.headers), repoId, from: req }, need);
  const current = async (repoId: string): Promise<SessionRecord> => {
    const active = await sessions.active(repoId);
    const session = active.find(({ state }) => state === 'running') ?? active[0];
    if (session === undefined) throw new CloudNodeError('session_not_found', 'No active session!');
    return session;
  };
  /** By what a Library was told as its id, which is proof enough; by the id that Explora chose; or by the pool's. */
  const named = async (req: Request, id: string): Promise<SessionRecord> => {
    const known = aliases.read(id);
    if (known !== null) return (await sessions.get(known.repoId, known.sessionId)).record;
    const { repoId } = await admitted(req, 'look');
    const all = await sessions.list(repoId);
    const found = all.find(({ sessionId, job }) => sessionId === id || isNamed(job.name, id));
    if (found === undefined)
      throw new CloudNodeError('session_not_found', `There is no session "${id.slice(0, 64)}".`);
    return found;
  };
  /** As every download of weights by a person; what a Library reads is its work. */
  const audited = (req: Request, { repoId, sessionId }: SessionRecord, version: number): void => {
    const by = byRequest(ctx, req);
    const act = { repoId, action: 'version.downloaded', target: { sessionId, version } } as const;
    if (by.actor.kind === 'token') ctx.audit.read(by, act);
  };
  const get = (path: string, answer: (req: Request<Params>, res: Response) => Promise<void>): void => {
    app.get(path, asLegacy(answer));
  };

  app.use((req, _res, next) => {
    const { url, credential } = splitCredential(req.url);
    req.url = url;
    if (credential !== null) req.headers.authorization ??= `Bearer ${credential}`;
    next();
  });

  const status = async (req: Request<Params>, res: Response): Promise<void> => {
    const { repoId } = await admitted(req, 'look', req.params.repoId ?? null);
    res.json({ Busy: await isBusy(ctx, repoId) });
  };
  get('/status', status);
  // Where the credential is in the path; without one it is answered by the pool itself.
  get('/status/:repoId', status);

  get('/model/:file', async (req, res) => {
    const session = await current((await admitted(req, 'look')).repoId);
    const alias = aliases.make(session.repoId, session.sessionId);
    await sendFile(ctx, session, { file: req.params.file, prefix: `${alias}/` }, res);
  });
  get('/model/:session/:file', async (req, res) => {
    const session = await named(req, req.params.session);
    await sendFile(ctx, session, { file: req.params.file, prefix: '' }, res);
  });
  get(`/model/:session/:version/${WEIGHTS_FILE}`, async (req, res) => {
    const session = await named(req, req.params.session);
    const version = /^\d{1,7}$/.test(req.params.version) ? Number(req.params.version) : -1;
    const parameters = await findParameters(ctx, session, version);
    audited(req, session, version);
    await sendWeights(ctx, { req, res }, { repoId: session.repoId, parameters });
  });

  const sendKeras = async (req: Request, session: SessionRecord, res: Response): Promise<void> => {
    const model = await modelAt(ctx, session);
    audited(req, session, session.version);
    const file = await writeKerasFile(ctx, { repoId: session.repoId, model, format: 'h5' });
    res.type('application/x-hdf5').send(Buffer.from(file.buffer, file.byteOffset, file.byteLength));
  };
  get('/model.h5', async (req, res) => {
    await sendKeras(req, await current((await admitted(req, 'look')).repoId), res);
  });
  get('/keras/:session', async (req, res) => sendKeras(req, await named(req, req.params.session), res));
  app.post(
    '/keras/:session',
    asLegacy(async (req, res) => {
      const { repoId } = await admitted(req, 'explora');
      const id = req.params.session.slice(0, 256);
      const upload = { repoId, contentLength: contentLength(req), name: jobNameOf(id) };
      await uploadModelAs(ctx, byRequest(ctx, req), repoId, () =>
        withBody(req, (source) => uploadKerasFile(ctx, { ...upload, source })),
      );
      res.json({ error: false });
    }),
  );

  const reset = async (req: Request<Params>, res: Response): Promise<void> => {
    const { repoId } = await requireToken(req);
    for (const { sessionId } of await sessions.active(repoId))
      await cancelAs(ctx, byRequest(ctx, req), { repoId, sessionId }, 'The state was reset.');
    res.type('text').send('State reset successfully!');
  };
  const state = async (req: Request<Params>, res: Response): Promise<void> => {
    const { repoId } = await requireToken(req);
    const [session] = await sessions.active(repoId);
    res.json({
      busy: session !== undefined,
      repo_id: repoId,
      session_id: session?.sessionId ?? null,
      current_round: session?.round?.number ?? null,
    });
  };
  /** Also where a Repo is open: this ends the work of others. */
  const requireToken = (req: Request<Params>): Promise<Admitted> => {
    if (bearerOf(req.headers) === null)
      throw new CloudNodeError('unauthenticated', 'This needs a token of the Repo.');
    return admitted(req, 'explora', req.params.repoId ?? null);
  };
  get('/secret/reset_state', reset);
  get('/secret/get_state', state);
  get('/reset_state/:repoId', reset);
  get('/get_state/:repoId', state);
}

interface Params {
  readonly [name: string]: string;
  readonly session: string;
  readonly version: string;
  readonly file: string;
  readonly repoId: string;
}

async function sendFile(
  ctx: GatewayContext,
  session: SessionRecord,
  { file, prefix }: { file: string; prefix: string },
  res: Response,
): Promise<void> {
  if (file === 'model.json') {
    res.json(await legacyModelJson(ctx, session, `${prefix}${session.version}/${WEIGHTS_FILE}`));
  } else if (file === 'metadata.json') {
    const round = isFinal(session.state) ? session.version : session.version + 1;
    res.json({ session_id: session.sessionId, current_round: round });
  } else throw new CloudNodeError('route_not_found', `There is no file "${file.slice(0, 64)}" of a model.`);
}

/** Refusals are the pool's errors here: old clients read the status. */
function asLegacy(answer: (req: Request<Params>, res: Response) => Promise<void>): RequestHandler<Params> {
  return async (req, res) => {
    try {
      await answer(req, res);
    } catch (error) {
      if (error instanceof LegacyError && error.type === 'AUTHENTICATION')
        throw new CloudNodeError('unauthenticated', error.message);
      if (error instanceof LegacyError) throw new CloudNodeError('invalid_request', error.message);
      throw error;
    }
  };
}
