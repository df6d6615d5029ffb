import type { Express } from 'express';
import { ROLES } from '../../protocol/http.js';
import { requireRole } from '../auth/guard.js';
import type { GatewayContext } from '../context.js';
import { poolStatus } from '../service/status.js';

export function poolRoutes(app: Express, ctx: GatewayContext): void {
  app.get('/v1/pool', async (req, res) => {
    const claims = await requireRole(ctx, req, { repoId: null, roles: ROLES });
    res.json(await poolStatus(ctx, claims));
  });
}
