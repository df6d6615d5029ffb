import type { Request } from 'express';
import type { SessionRecord } from '../../core/session.js';
import { cancelSession as cancelBody, sessionPage } from '../../protocol/http.js';
import { parse } from '../../protocol/parse.js';
import { byRequest } from '../audit/by.js';
import type { GatewayContext } from '../context.js';
import { cancelSession } from '../service/cancel-session.js';
import { pauseSession } from '../service/pause-session.js';
import { sessionRow, viewSession } from '../service/session-view.js';
import { submitJob } from '../service/submit-job.js';
import type { GuardedApp } from './guarded.js';
import { readAnyJson, readJson } from './read-json.js';

export function sessionRoutes(app: GuardedApp, ctx: GatewayContext): void {
  const { sessions } = ctx.stores;
  const maxBytes = ctx.config.MAX_JSON_BYTES;

  const paused = (
    repoId: string,
    req: Request<{ sessionId: string }>,
    pause: boolean,
  ): Promise<SessionRecord> => {
    const { sessionId } = req.params;
    const action = pause ? 'session.paused' : 'session.resumed';
    return ctx.audit.act(byRequest(ctx, req), { repoId, action, target: { sessionId } }, () =>
      pauseSession(ctx, { repoId, sessionId }, pause),
    );
  };

  app.post('/v1/repos/:repoId/sessions', async (req, res, { repoId }) => {
    const job = await readAnyJson(req, maxBytes);
    const session = await ctx.audit.act(
      byRequest(ctx, req),
      { repoId, action: 'job.submitted' },
      () => submitJob(ctx, repoId, job),
      ({ sessionId, job: { modelId } }) => ({ sessionId, modelId }),
    );
    res.status(201).json(await viewSession(ctx, session));
  });

  app.get('/v1/repos/:repoId/sessions', async (req, res, { repoId }) => {
    const page = parse(sessionPage, req.query);
    const [records, { kept: total }] = await Promise.all([
      sessions.list(repoId, page),
      sessions.count(repoId),
    ]);
    res.json({ sessions: records.map(sessionRow), total });
  });

  app.get('/v1/repos/:repoId/sessions/:sessionId', async (req, res, { repoId }) => {
    const { record } = await sessions.get(repoId, req.params.sessionId);
    res.json(await viewSession(ctx, record));
  });

  app.post('/v1/repos/:repoId/sessions/:sessionId/cancel', async (req, res, { repoId }) => {
    const { reason } = await readJson(req, cancelBody, maxBytes);
    const { sessionId } = req.params;
    const act = { repoId, action: 'session.cancelled', target: { sessionId } } as const;
    const cancelled = await ctx.audit.act(byRequest(ctx, req), act, () =>
      cancelSession(ctx, { repoId, sessionId }, reason),
    );
    res.json(await viewSession(ctx, cancelled));
  });

  app.post('/v1/repos/:repoId/sessions/:sessionId/pause', async (req, res, { repoId }) => {
    res.json(await viewSession(ctx, await paused(repoId, req, true)));
  });

  app.post('/v1/repos/:repoId/sessions/:sessionId/resume', async (req, res, { repoId }) => {
    res.json(await viewSession(ctx, await paused(repoId, req, false)));
  });
}
