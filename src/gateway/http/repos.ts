import type { Express } from 'express';
import type { AuditTarget } from '../../protocol/audit.js';
import { createRepo, ROLES, type RepoDeleted } from '../../protocol/http.js';
import * as ids from '../../protocol/ids.js';
import { parse } from '../../protocol/parse.js';
import { byRequest } from '../audit/by.js';
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
    const input = await readJson(req, createRepo, ctx.config.MAX_JSON_BYTES);
    const { repoId } = input;
    const act = { repoId: null, action: 'repo.created', target: { repoId } } as const;
    const record = await ctx.audit.act(byRequest(req), act, () => addRepo(ctx, input));
    await ctx.audit.done(byRequest(req), { ...act, repoId });
    res.status(201).json(record);
  });

  app.get('/v1/repos/:repoId', async (req, res) => {
    res.json(await repoStatus(ctx, await requireRepo(ctx, req, READERS)));
  });

  app.delete('/v1/repos/:repoId', async (req, res) => {
    const repoId = parse(ids.repoId, req.params.repoId);
    // Not requireRepo: a deletion that broke off is gone on with.
    await requireRole(ctx, req, { repoId, roles: OWNERS });
    const act = { repoId: null, action: 'repo.deleted', target: { repoId } } as const;
    const write = (target: AuditTarget): Promise<void> =>
      ctx.audit.done(byRequest(req), { ...act, target: { repoId, ...target } });
    const removed: RepoDeleted = await deleteRepo(ctx, repoId, write);
    res.json(removed);
  });
}
