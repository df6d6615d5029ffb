import { createRepo } from '../../protocol/http.js';
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
    res.status(201).json(await addRepo(ctx, await readJson(req, createRepo, ctx.config.MAX_JSON_BYTES)));
  });

  app.get('/v1/repos/:repoId', async (_req, res, { repoId }) => {
    res.json(await repoStatus(ctx, repoId));
  });

  app.delete('/v1/repos/:repoId', async (_req, res, { repoId }) => {
    await deleteRepo(ctx, repoId);
    res.json({ deleted: true });
  });
}
