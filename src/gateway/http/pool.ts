import type { GatewayContext } from '../context.js';
import { poolStatus } from '../service/status.js';
import type { GuardedApp } from './guarded.js';

export function poolRoutes(app: GuardedApp, ctx: GatewayContext): void {
  app.get('/v1/pool', async (_req, res, { claims }) => {
    res.json(await poolStatus(ctx, claims));
  });
}
