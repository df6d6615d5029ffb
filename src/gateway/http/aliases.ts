import { setAlias, type AliasRecord, type AliasView } from '../../protocol/alias.js';
import * as ids from '../../protocol/ids.js';
import { parse } from '../../protocol/parse.js';
import { redisNowMs } from '../../redis/context.js';
import { byRequest } from '../audit/by.js';
import type { GatewayContext } from '../context.js';
import { limitsOf, requireWithin } from '../service/repo-limits.js';
import type { GuardedApp } from './guarded.js';
import { readJson } from './read-json.js';

/** Names such as `production` that point at a model. */
export function aliasRoutes(app: GuardedApp, ctx: GatewayContext): void {
  const { aliases, models, context } = ctx.stores;

  app.get('/v1/repos/:repoId/aliases', async (_req, res, { repoId }) => {
    res.json({ aliases: (await aliases.list(repoId)).map(viewAlias) });
  });

  app.put('/v1/repos/:repoId/aliases/:alias', async (req, res, { repoId, claims }) => {
    const alias = parse(ids.alias, req.params.alias);
    const { modelId } = await readJson(req, setAlias, ctx.config.MAX_JSON_BYTES);
    const [all, limits] = await Promise.all([
      aliases.list(repoId),
      limitsOf(ctx, repoId),
      models.get(repoId, modelId),
    ]);
    const others = all.filter((one) => one.alias !== alias);
    requireWithin(repoId, limits, 'aliases', others.length + 1);
    const setMs = await redisNowMs(context, repoId);
    const record: AliasRecord = { v: 1, alias, modelId, setMs, setBy: claims.sub };
    const act = { repoId, action: 'alias.set', target: { alias, modelId } } as const;
    await ctx.audit.act(byRequest(ctx, req), act, () => aliases.set(repoId, record));
    res.json(viewAlias(record));
  });

  app.delete('/v1/repos/:repoId/aliases/:alias', async (req, res, { repoId }) => {
    const alias = parse(ids.alias, req.params.alias);
    const act = { repoId, action: 'alias.removed', target: { alias } } as const;
    await ctx.audit.act(byRequest(ctx, req), act, () => aliases.remove(repoId, alias));
    res.json({ deleted: true });
  });
}

function viewAlias({ v: _v, ...alias }: AliasRecord): AliasView {
  return alias;
}
