import type { AuditTarget } from '../../protocol/audit.js';
import { createRepo, type RepoDeleted } from '../../protocol/http.js';
import { byRequest } from '../audit/by.js';
import { seesRepo } from '../auth/guard.js';
import type { GatewayContext } from '../context.js';
import { addRepo } from '../service/add-repo.js';
import { deleteRepo } from '../service/delete-repo.js';
import { repoStatus } from '../service/status.js';
import type { GuardedApp } from './guarded.js';
import { readJson } from './read-json.js';

export function repoRoutes(app: GuardedApp, ctx: GatewayContext): void {
  app.get('/v1/repos', async (_req, res, { claims }) => {
    const repos = await ctx.stores.repos.list();
    res.json({ repos: repos.filter((repo) => seesRepo(claims, repo.repoId)) });
  });

  app.post('/v1/repos', async (req, res) => {
    const input = await readJson(req, createRepo, ctx.config.MAX_JSON_BYTES);
    const { repoId } = input;
    const act = { repoId: null, action: 'repo.created', target: { repoId } } as const;
    const record = await ctx.audit.act(byRequest(ctx, req), act, () => addRepo(ctx, input));
    await ctx.audit.done(byRequest(ctx, req), { ...act, repoId });
    res.status(201).json(record);
  });

  app.get('/v1/repos/:repoId', async (_req, res, { repoId }) => {
    res.json(await repoStatus(ctx, repoId));
  });

  app.delete('/v1/repos/:repoId', async (req, res, { repoId }) => {
    const act = { repoId: null, action: 'repo.deleted', target: { repoId } } as const;
    const write = (target: AuditTarget): Promise<void> =>
      ctx.audit.done(byRequest(ctx, req), { ...act, target: { repoId, ...target } });
    const removed: RepoDeleted = await deleteRepo(ctx, repoId, write);
    res.json(removed);
  });
}
