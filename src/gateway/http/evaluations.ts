import { evaluationRequest } from '../../protocol/evaluation.js';
import { byRequest } from '../audit/by.js';
import type { GatewayContext } from '../context.js';
import { listEvaluations, readEvaluation, requestEvaluation } from '../service/evaluate-model.js';
import type { GuardedApp } from './guarded.js';
import { readJson } from './read-json.js';

/** Scores that people ask for, of any model of the Repo on any of its test sets. */
export function evaluationRoutes(app: GuardedApp, ctx: GatewayContext): void {
  app.post('/v1/repos/:repoId/evaluations', async (req, res, { repoId, claims }) => {
    const request = await readJson(req, evaluationRequest, ctx.config.MAX_JSON_BYTES);
    const evaluation = await ctx.audit.act(
      byRequest(ctx, req),
      { repoId, action: 'model.evaluated' },
      () => requestEvaluation(ctx, repoId, { request, askedBy: claims.sub }),
      ({ evaluationId, modelId, sha256, testSetId }) => ({ evaluationId, modelId, sha256, testSetId }),
    );
    res.status(202).json(evaluation);
  });

  app.get('/v1/repos/:repoId/evaluations', async (_req, res, { repoId }) => {
    res.json({ evaluations: await listEvaluations(ctx, repoId) });
  });

  app.get('/v1/repos/:repoId/evaluations/:evaluationId', async (req, res, { repoId }) => {
    res.json(await readEvaluation(ctx, repoId, req.params.evaluationId));
  });
}
