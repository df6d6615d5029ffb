import * as ids from '../../protocol/ids.js';
import { parse } from '../../protocol/parse.js';
import type { GatewayContext } from '../context.js';
import { isBusy } from '../service/status.js';
import type { GuardedApp } from './guarded.js';

/** What the system before this one answered, without credentials and in its spelling. */
export function statusRoutes(app: GuardedApp, ctx: GatewayContext): void {
  app.get('/status/:repoId', async (req, res) => {
    res.json({ Busy: await isBusy(ctx, parse(ids.repoId, req.params.repoId)) });
  });
}
