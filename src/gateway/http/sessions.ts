import { cancelSession as cancelBody, sessionPage } from '../../protocol/http.js';
import { parse } from '../../protocol/parse.js';
import { byRequest } from '../audit/by.js';
import type { GatewayContext } from '../context.js';
import { cancelAs, pauseAs, submitAs } from '../service/session-acts.js';
import { sessionRow, viewSession } from '../service/session-view.js';
import type { GuardedApp } from './guarded.js';
import { readAnyJson, readJson } from './read-json.js';

export function sessionRoutes(app: GuardedApp, ctx: GatewayContext): void {
  const { sessions } = ctx.stores;
  const maxBytes = ctx.config.MAX_JSON_BYTES;

  app.post('/v1/repos/:repoId/sessions', async (req, res, { repoId }) => {
    const job = await readAnyJson(req, maxBytes);
    const session = await submitAs(ctx, byRequest(ctx, req), repoId, job);
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
    const cancelled = await cancelAs(ctx, byRequest(ctx, req), { repoId, sessionId }, reason);
    res.json(await viewSession(ctx, cancelled));
  });

  app.post('/v1/repos/:repoId/sessions/:sessionId/pause', async (req, res, { repoId }) => {
    const session = { repoId, sessionId: req.params.sessionId };
    res.json(await viewSession(ctx, await pauseAs(ctx, byRequest(ctx, req), session, true)));
  });

  app.post('/v1/repos/:repoId/sessions/:sessionId/resume', async (req, res, { repoId }) => {
    const session = { repoId, sessionId: req.params.sessionId };
    res.json(await viewSession(ctx, await pauseAs(ctx, byRequest(ctx, req), session, false)));
  });
}
