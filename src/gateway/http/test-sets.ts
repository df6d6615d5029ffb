import * as ids from '../../protocol/ids.js';
import { parse } from '../../protocol/parse.js';
import { byRequest } from '../audit/by.js';
import type { GatewayContext } from '../context.js';
import { uploadTestSet } from '../service/upload-test-set.js';
import { answerJson, contentLength } from './answer.js';
import type { GuardedApp } from './guarded.js';
import { withBody } from './with-body.js';

export function testSetRoutes(app: GuardedApp, ctx: GatewayContext): void {
  app.put('/v1/repos/:repoId/test-sets/:testSetId', async (req, res, { repoId }) => {
    const testSetId = parse(ids.testSetId, req.params.testSetId);
    const upload = { repoId, contentLength: contentLength(req) };
    const record = await ctx.audit.act(
      byRequest(ctx, req),
      { repoId, action: 'test_set.uploaded', target: { testSetId } },
      () => withBody(req, (source) => uploadTestSet(ctx, testSetId, { ...upload, source })),
      ({ sha256 }) => ({ sha256 }),
    );
    await answerJson(req, res, 200, record);
  });

  app.get('/v1/repos/:repoId/test-sets', async (req, res, { repoId }) => {
    res.json({ testSets: await ctx.stores.models.listTestSets(repoId) });
  });
}
