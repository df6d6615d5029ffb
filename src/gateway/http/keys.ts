import { CloudNodeError } from '../../protocol/errors.js';
import { createKey, type KeyCreated, type KeyView } from '../../protocol/http.js';
import { redisNowMs } from '../../redis/context.js';
import { byRequest } from '../audit/by.js';
import { createApiKey } from '../auth/api-keys.js';
import type { GatewayContext } from '../context.js';
import { requireRoomForKey } from '../service/room-for-key.js';
import type { GuardedApp } from './guarded.js';
import { readJson } from './read-json.js';

export function keyRoutes(app: GuardedApp, ctx: GatewayContext): void {
  const { repos, context } = ctx.stores;

  app.post('/v1/repos/:repoId/keys', async (req, res, { repoId }) => {
    const { label, expiresInMs } = await readJson(req, createKey, ctx.config.MAX_JSON_BYTES);
    const nowMs = await redisNowMs(context, repoId);
    await requireRoomForKey(ctx, repoId, nowMs);
    const { apiKey, record } = createApiKey(repoId, { label, expiresInMs, nowMs });
    const act = { repoId, action: 'key.created', target: { keyId: record.keyId } } as const;
    await ctx.audit.act(byRequest(ctx, req), act, () => repos.addKey(repoId, record));
    const created: KeyCreated = { keyId: record.keyId, apiKey, label, expiresMs: record.expiresMs };
    res.status(201).set('Cache-Control', 'no-store').json(created);
  });

  app.get('/v1/repos/:repoId/keys', async (req, res, { repoId }) => {
    const [records, uses] = await Promise.all([repos.listKeys(repoId), repos.keyUses(repoId)]);
    const keys = records.map(({ keyId, label, createdMs, revokedMs, expiresMs }): KeyView => {
      return { keyId, label, createdMs, revokedMs, expiresMs, lastUsedMs: uses.get(keyId) ?? null };
    });
    res.json({ keys });
  });

  app.delete('/v1/repos/:repoId/keys/:keyId', async (req, res, { repoId }) => {
    const { keyId } = req.params;
    const record = await repos.findKey(repoId, keyId);
    if (record === null)
      throw new CloudNodeError('key_not_found', `Repo "${repoId}" has no API key "${keyId.slice(0, 64)}".`);
    if (record.revokedMs === null) {
      const revokedMs = await redisNowMs(context, repoId);
      const act = { repoId, action: 'key.revoked', target: { keyId } } as const;
      await ctx.audit.act(byRequest(ctx, req), act, () => repos.addKey(repoId, { ...record, revokedMs }));
    }
    // Also when it is repeated: the first time may have broken off here.
    await ctx.revocations.revoke({ kind: 'key', repoId, keyId });
    res.json({ revoked: true });
  });
}
