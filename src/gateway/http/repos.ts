import type { Express } from 'express';
import { createRepo, ROLES } from '../../protocol/http.js';
import * as ids from '../../protocol/ids.js';
import { parse } from '../../protocol/parse.js';
import { ADMINS, OWNERS, READERS, requireRepo, requireRole, seesRepo } from '../auth/guard.js';
import type { GatewayContext } from '../context.js';
import { addRepo } from '../service/add-repo.js';
import { deleteRepo } from '../service/delete-repo.js';
import { repoStatus } from '../service/status.js';
import { readJson } from './read-json.js';

export function repoRoutes(app: Express, ctx: GatewayContext): void {
  app.get('/v1/repos', async (req, res) => {
    const claims = await requireRole(ctx, req, { repoId: null, roles: ROLES });
    const repos = await ctx.stores.repos.list();
    res.json({ repos: repos.filter((repo) => seesRepo(claims, repo.repoId)) });
  });

  app.post('/v1/repos', async (req, res) => {
    await requireRole(ctx, req, { repoId: null, roles: ADMINS });
    res.status(201).json(await addRepo(ctx, await readJson(req, createRepo, ctx.config.MAX_JSON_BYTES)));
  });

  app.get('/v1/repos/:repoId', async (req, res) => {
    res.json(await repoStatus(ctx, await requireRepo(ctx, req, READERS)));
  });

  app.delete('/v1/repos/:repoId', async (req, res) => {
    const repoId = parse(ids.repoId, req.params.repoId);
    // Not requireRepo: a deletion that broke off is gone on with.
    await requireRole(ctx, req, { repoId, roles: OWNERS });
    await deleteRepo(ctx, repoId);
    res.json({ deleted: true });
  });
}
