import { revokeTokens } from '../../protocol/http.js';
import { byRequest } from '../audit/by.js';
import type { GatewayContext } from '../context.js';
import type { GuardedApp } from './guarded.js';
import { readJson } from './read-json.js';

export function revocationRoutes(app: GuardedApp, ctx: GatewayContext): void {
  app.post('/v1/revocations', async (req, res) => {
    const what = await readJson(req, revokeTokens, ctx.config.MAX_JSON_BYTES);
    const revocation =
      'jti' in what
        ? ({ kind: 'token', jti: what.jti } as const)
        : ({ kind: 'subject', sub: what.sub, issuedBeforeMs: what.issuedBeforeMs ?? Date.now() } as const);
    const act = {
      repoId: null,
      action: 'token.revoked',
      target: 'jti' in what ? { jti: what.jti } : { sub: what.sub },
    } as const;
    await ctx.audit.act(byRequest(ctx, req), act, () => ctx.revocations.revoke(revocation));
    res.json({ revoked: true });
  });
}
