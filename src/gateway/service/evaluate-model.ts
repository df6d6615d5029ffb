import { createHash } from 'node:crypto';
import { CloudNodeError } from '../../protocol/errors.js';
import {
  DEFAULT_SCORING,
  type EvaluatedModel,
  type EvaluationRecord,
  type EvaluationRequest,
  type EvaluationView,
} from '../../protocol/evaluation.js';
import { redisNowMs } from '../../redis/context.js';
import type { StoredEvaluation } from '../../redis/evaluation-store.js';
import type { GatewayContext } from '../context.js';
import { inBackground } from './in-background.js';
import { findParameters } from './parameters.js';
import { limitsOf, requireWithin } from './repo-limits.js';

/** Of a Repo, with those that are not done. */
const KEPT = 200;
/** An evaluator may be busy, or started only now. */
const DEADLINE_MS = 60 * 60_000;

/**
 * Stores what is to be scored and queues it. Asking for what is there already, or waits, changes nothing; what failed is
 * tried again.
 * @throws `model_not_found`, `session_not_found`, `version_not_found`, `test_set_not_found`, `quota_exceeded`
 */
export async function requestEvaluation(
  ctx: GatewayContext,
  repoId: string,
  { request, askedBy }: { readonly request: EvaluationRequest; readonly askedBy: string },
): Promise<EvaluationView> {
  const { stores } = ctx;
  const [target, testSet, nowMs] = await Promise.all([
    resolve(ctx, repoId, request.model),
    stores.models.findTestSet(repoId, request.testSetId),
    redisNowMs(stores.context, repoId),
  ]);
  if (testSet === null)
    throw new CloudNodeError(
      'test_set_not_found',
      `Repo "${repoId}" has no test set "${request.testSetId}".`,
    );
  const { scoring, topologySha256, ...of } = target;
  const { loss = scoring.loss, metrics = [...scoring.metrics] } = request;
  const addressed = { topologySha256, sha256: of.sha256, testSetSha256: testSet.sha256, loss, metrics };
  const record: EvaluationRecord = {
    v: 1,
    evaluationId: `e-${createHash('sha256').update(JSON.stringify(addressed)).digest('hex').slice(0, 24)}`,
    ...of,
    testSetId: request.testSetId,
    testSetSha256: testSet.sha256,
    loss,
    metrics,
    createdMs: nowMs,
    deadlineMs: nowMs + DEADLINE_MS,
    askedBy,
  };
  const all = await listEvaluations(ctx, repoId);
  const there = all.find(({ evaluationId }) => evaluationId === record.evaluationId);
  if (there?.state === 'done' || there?.state === 'waiting') return there;
  const open = all.filter(({ state }) => state === 'waiting').length;
  requireWithin(repoId, await limitsOf(ctx, repoId), 'openEvaluations', open + 1);
  await stores.evaluations.put(repoId, record);
  inBackground(ctx, 'evaluate', ctx.queues.evaluateModel({ repoId, ...record }, { openOfRepo: open }));
  const others = all.filter(({ evaluationId }) => evaluationId !== record.evaluationId);
  const old = others.slice(KEPT - 1).filter(({ state }) => state !== 'waiting');
  inBackground(
    ctx,
    'evaluations',
    stores.evaluations.drop(
      repoId,
      old.map(({ evaluationId }) => evaluationId),
    ),
  );
  return view({ record, outcome: null });
}

/** As it stands. Who looks at one that waits has it queued again, in case its job was lost. @throws `evaluation_not_found` */
export async function readEvaluation(
  ctx: GatewayContext,
  repoId: string,
  id: string,
): Promise<EvaluationView> {
  const seen = await settled(ctx, repoId, [await ctx.stores.evaluations.get(repoId, id)]);
  const [evaluation] = seen as [EvaluationView];
  if (evaluation.state === 'waiting')
    inBackground(ctx, 'evaluate', ctx.queues.evaluateModel({ repoId, evaluationId: id }, { openOfRepo: 0 }));
  return evaluation;
}

/** Newest first. */
export async function listEvaluations(ctx: GatewayContext, repoId: string): Promise<EvaluationView[]> {
  return settled(ctx, repoId, await ctx.stores.evaluations.list(repoId));
}

/** What should be done and is not has failed, from the moment that somebody looks. */
async function settled(
  ctx: GatewayContext,
  repoId: string,
  all: readonly StoredEvaluation[],
): Promise<EvaluationView[]> {
  if (all.every(({ outcome }) => outcome !== null)) return all.map(view);
  const { evaluations, context } = ctx.stores;
  const nowMs = await redisNowMs(context, repoId);
  return Promise.all(
    all.map(async (stored) => {
      const { evaluationId: id, deadlineMs } = stored.record;
      if (stored.outcome !== null || nowMs <= deadlineMs) return view(stored);
      const reason = 'No evaluator finished it in time. Look whether one runs, then ask again.';
      await evaluations.finish(repoId, id, { state: 'failed', reason, endedMs: deadlineMs });
      return view(await evaluations.get(repoId, id));
    }),
  );
}

function view({ record: { v: _v, ...record }, outcome }: StoredEvaluation): EvaluationView {
  return {
    ...record,
    state: outcome?.state ?? 'waiting',
    result: outcome?.state === 'done' ? outcome.result : null,
    reason: outcome?.state === 'failed' ? outcome.reason : null,
    endedMs: outcome?.endedMs ?? null,
  };
}

type Target = Pick<EvaluationRecord, 'modelId' | 'version' | 'alias' | 'sha256'> & {
  readonly topologySha256: string;
  readonly scoring: { readonly loss: string; readonly metrics: readonly string[] };
};

async function resolve(ctx: GatewayContext, repoId: string, asked: EvaluatedModel): Promise<Target> {
  const { models, sessions } = ctx.stores;
  if ('sessionId' in asked) {
    const { record: session } = await sessions.get(repoId, asked.sessionId);
    const { modelId, hyperparams: scoring } = session.job;
    const [{ topologySha256 }, { sha256 }] = await Promise.all([
      models.get(repoId, modelId),
      findParameters(ctx, session, asked.version),
    ]);
    return { modelId, version: asked, alias: null, sha256, topologySha256, scoring };
  }
  const alias = 'alias' in asked ? asked.alias : null;
  const modelId = 'modelId' in asked ? asked.modelId : await modelOfAlias(ctx, repoId, asked.alias);
  const { trainedBy, topologySha256, parameters } = await models.get(repoId, modelId);
  const trained = trainedBy === null ? null : await sessions.find(repoId, trainedBy.sessionId);
  const scoring = trained?.record.job.hyperparams ?? DEFAULT_SCORING;
  return { modelId, version: null, alias, sha256: parameters.sha256, topologySha256, scoring };
}

async function modelOfAlias(ctx: GatewayContext, repoId: string, alias: string): Promise<string> {
  const found = (await ctx.stores.aliases.list(repoId)).find((one) => one.alias === alias);
  if (found === undefined)
    throw new CloudNodeError('model_not_found', `Repo "${repoId}" has no model called "${alias}".`);
  return found.modelId;
}
