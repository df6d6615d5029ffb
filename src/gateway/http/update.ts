import { byRequest } from '../audit/by.js';
import type { GatewayContext } from '../context.js';
import { receiveUpdate } from '../intake/receive-update.js';
import { answerJson, contentLength } from './answer.js';
import type { GuardedApp } from './guarded.js';
import { requestTrace } from './trace-requests.js';
import { withBody } from './with-body.js';

export function updateRoutes(app: GuardedApp, ctx: GatewayContext): void {
  app.put('/v1/library/update', async (req, res, { repoId, libraryId }) => {
    const origin = {
      repoId,
      libraryId,
      by: byRequest(ctx, req),
      contentLength: contentLength(req),
      request: requestTrace(res),
    };
    const accepted = await withBody(req, (source) => receiveUpdate(ctx, origin, source));
    await answerJson(req, res, 200, accepted);
  });
}
