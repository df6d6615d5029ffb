import { revokeTokens } from '../../protocol/http.js';
import type { GatewayContext } from '../context.js';
import type { GuardedApp } from './guarded.js';
import { readJson } from './read-json.js';

export function revocationRoutes(app: GuardedApp, ctx: GatewayContext): void {
  app.post('/v1/revocations', async (req, res) => {
    const what = await readJson(req, revokeTokens, ctx.config.MAX_JSON_BYTES);
    await ctx.revocations.revoke(
      'jti' in what
        ? { kind: 'token', jti: what.jti }
        : { kind: 'subject', sub: what.sub, issuedBeforeMs: what.issuedBeforeMs ?? Date.now() },
    );
    res.json({ revoked: true });
  });
}
