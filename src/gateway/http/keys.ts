import type { Express } from 'express';
import { CloudNodeError } from '../../protocol/errors.js';
import { createKey, type KeyCreated, type KeyView } from '../../protocol/http.js';
import { redisNowMs } from '../../redis/context.js';
import { publishHint } from '../../redis/hints.js';
import { byRequest } from '../audit/by.js';
import { createApiKey } from '../auth/api-keys.js';
import { OWNERS, requireRepo } from '../auth/guard.js';
import type { GatewayContext } from '../context.js';
import { inBackground } from '../service/in-background.js';
import { readJson } from './read-json.js';

export function keyRoutes(app: Express, ctx: GatewayContext): void {
  const { repos, context } = ctx.stores;

  app.post('/v1/repos/:repoId/keys', async (req, res) => {
    const repoId = await requireRepo(ctx, req, OWNERS);
    const { label } = await readJson(req, createKey, ctx.config.MAX_JSON_BYTES);
    const { apiKey, record } = createApiKey(repoId, { label, nowMs: await redisNowMs(context, repoId) });
    const act = { repoId, action: 'key.created', target: { keyId: record.keyId } } as const;
    await ctx.audit.act(byRequest(req), act, () => repos.addKey(repoId, record));
    const created: KeyCreated = { keyId: record.keyId, apiKey, label };
    res.status(201).set('Cache-Control', 'no-store').json(created);
  });

  app.get('/v1/repos/:repoId/keys', async (req, res) => {
    const repoId = await requireRepo(ctx, req, OWNERS);
    const records = await repos.listKeys(repoId);
    const keys = records.map(({ keyId, label, createdMs, revokedMs }): KeyView => {
      return { keyId, label, createdMs, revokedMs };
    });
    res.json({ keys });
  });

  app.delete('/v1/repos/:repoId/keys/:keyId', async (req, res) => {
    const repoId = await requireRepo(ctx, req, OWNERS);
    const { keyId } = req.params;
    const record = await repos.findKey(repoId, keyId);
    if (record === null)
      throw new CloudNodeError('key_not_found', `Repo "${repoId}" has no API key "${keyId.slice(0, 64)}".`);
    if (record.revokedMs === null) {
      const revokedMs = await redisNowMs(context, repoId);
      const act = { repoId, action: 'key.revoked', target: { keyId } } as const;
      await ctx.audit.act(byRequest(req), act, async () => {
        await repos.addKey(repoId, { ...record, revokedMs });
        inBackground(ctx, 'revoked', publishHint(context, { kind: 'revoked', repoId, keyId }));
      });
    }
    res.json({ revoked: true });
  });
}
