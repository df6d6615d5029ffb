import type { Express, Request } from 'express';
import type { SessionRecord } from '../../core/session.js';
import { cancelSession as cancelBody } from '../../protocol/http.js';
import { byRequest } from '../audit/by.js';
import { READERS, requireRepo, WRITERS } from '../auth/guard.js';
import type { GatewayContext } from '../context.js';
import { cancelSession } from '../service/cancel-session.js';
import { pauseSession } from '../service/pause-session.js';
import { sessionRow, viewSession } from '../service/session-view.js';
import { submitJob } from '../service/submit-job.js';
import { readAnyJson, readJson } from './read-json.js';

export function sessionRoutes(app: Express, ctx: GatewayContext): void {
  const { sessions } = ctx.stores;
  const maxBytes = ctx.config.MAX_JSON_BYTES;

  const paused = (
    repoId: string,
    req: Request<{ sessionId: string }>,
    pause: boolean,
  ): Promise<SessionRecord> => {
    const { sessionId } = req.params;
    const action = pause ? 'session.paused' : 'session.resumed';
    return ctx.audit.act(byRequest(req), { repoId, action, target: { sessionId } }, () =>
      pauseSession(ctx, { repoId, sessionId }, pause),
    );
  };

  app.post('/v1/repos/:repoId/sessions', async (req, res) => {
    const repoId = await requireRepo(ctx, req, WRITERS);
    const job = await readAnyJson(req, maxBytes);
    const session = await ctx.audit.act(
      byRequest(req),
      { repoId, action: 'job.submitted' },
      () => submitJob(ctx, repoId, job),
      ({ sessionId, job: { modelId } }) => ({ sessionId, modelId }),
    );
    res.status(201).json(await viewSession(ctx, session));
  });

  app.get('/v1/repos/:repoId/sessions', async (req, res) => {
    const repoId = await requireRepo(ctx, req, READERS);
    res.json({ sessions: (await sessions.list(repoId)).map(sessionRow) });
  });

  app.get('/v1/repos/:repoId/sessions/:sessionId', async (req, res) => {
    const repoId = await requireRepo(ctx, req, READERS);
    const { record } = await sessions.get(repoId, req.params.sessionId);
    res.json(await viewSession(ctx, record));
  });

  app.post('/v1/repos/:repoId/sessions/:sessionId/cancel', async (req, res) => {
    const repoId = await requireRepo(ctx, req, WRITERS);
    const { reason } = await readJson(req, cancelBody, maxBytes);
    const { sessionId } = req.params;
    const act = { repoId, action: 'session.cancelled', target: { sessionId } } as const;
    const cancelled = await ctx.audit.act(byRequest(req), act, () =>
      cancelSession(ctx, { repoId, sessionId }, reason),
    );
    res.json(await viewSession(ctx, cancelled));
  });

  app.post('/v1/repos/:repoId/sessions/:sessionId/pause', async (req, res) => {
    const repoId = await requireRepo(ctx, req, WRITERS);
    res.json(await viewSession(ctx, await paused(repoId, req, true)));
  });

  app.post('/v1/repos/:repoId/sessions/:sessionId/resume', async (req, res) => {
    const repoId = await requireRepo(ctx, req, WRITERS);
    res.json(await viewSession(ctx, await paused(repoId, req, false)));
  });
}
