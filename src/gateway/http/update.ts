import type { Express } from 'express';
import { byRequest } from '../audit/by.js';
import { requireLibrary } from '../auth/guard.js';
import type { GatewayContext } from '../context.js';
import { receiveUpdate } from '../intake/receive-update.js';
import { answerJson, contentLength } from './answer.js';
import { withBody } from './with-body.js';

export function updateRoutes(app: Express, ctx: GatewayContext): void {
  app.put('/v1/library/update', async (req, res) => {
    const { repoId, libraryId } = await requireLibrary(ctx, req);
    const origin = { repoId, libraryId, by: byRequest(req), contentLength: contentLength(req) };
    const accepted = await withBody(req, (source) => receiveUpdate(ctx, origin, source));
    await answerJson(req, res, 200, accepted);
  });
}
