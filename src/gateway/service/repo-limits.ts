import type { Config } from '../../config/env.js';
import { CloudNodeError } from '../../protocol/errors.js';
import type { RepoLimits } from '../../protocol/repo-limits.js';
import type { GatewayContext } from '../context.js';

/** Where the pool's own limit is, and what it counts. */
const POOL_LIMITS = {
  libraries: ['REPO_LIBRARIES', 'Libraries'],
  examples: ['REPO_EXAMPLES', 'examples in a data set of one Library'],
  models: ['REPO_MODELS', 'models'],
  testSets: ['REPO_TEST_SETS', 'test sets'],
  bytes: ['REPO_BYTES', 'bytes of models and test sets'],
  keys: ['REPO_KEYS', 'API keys'],
  aliases: ['REPO_ALIASES', 'aliases'],
  sessions: ['REPO_SESSIONS', 'sessions'],
  openSessions: ['REPO_OPEN_SESSIONS', 'sessions that have not ended'],
  openEvaluations: ['REPO_OPEN_EVALUATIONS', 'evaluations that are not done'],
} as const satisfies Record<keyof RepoLimits, readonly [keyof Config, string]>;

export type RepoLimit = keyof RepoLimits;
export type AllLimits = Readonly<Record<RepoLimit, number>>;

/** The limit that holds for a Repo: its own, or the pool's. @throws `repo_not_found` */
export async function limitsOf(ctx: GatewayContext, repoId: string): Promise<AllLimits> {
  const { limits } = await ctx.stores.repos.get(repoId);
  const entries = Object.entries(POOL_LIMITS).map(([name, [variable]]) => [
    name,
    limits[name as RepoLimit] ?? ctx.config[variable],
  ]);
  return Object.fromEntries(entries) as AllLimits;
}

/** @throws `quota_exceeded` when the Repo would have `count` of it */
export function requireWithin(repoId: string, limits: AllLimits, name: RepoLimit, count: number): void {
  if (count > limits[name]) throw quotaExceeded(repoId, { name, limit: limits[name] });
}

export function quotaExceeded(
  repoId: string,
  { name, limit }: { name: RepoLimit; limit: number },
): CloudNodeError {
  const [variable, what] = POOL_LIMITS[name];
  return new CloudNodeError(
    'quota_exceeded',
    `Repo "${repoId}" may have ${limit} ${what} (limits.${name} of the Repo, else ${variable}).`,
  );
}

/** Before it is read: whether a Repo has room for another upload of this size. What comes in meanwhile is not counted. */
export async function requireRoomFor(
  ctx: GatewayContext,
  repoId: string,
  upload: { readonly kind: 'models' | 'testSets'; readonly bytes: number; readonly replaces?: string },
): Promise<void> {
  const limits = await limitsOf(ctx, repoId);
  const [models, allTestSets] = await Promise.all([
    ctx.stores.models.list(repoId),
    ctx.stores.models.listTestSets(repoId),
  ]);
  const testSets = allTestSets.filter(({ testSetId }) => testSetId !== upload.replaces);
  const count = upload.kind === 'models' ? models.length : testSets.length;
  requireWithin(repoId, limits, upload.kind, count + 1);
  const used =
    models.reduce((sum, { parameters }) => sum + parameters.paramCount * 4, 0) +
    testSets.reduce((sum, { bytes }) => sum + bytes, 0);
  requireWithin(repoId, limits, 'bytes', used + upload.bytes);
}
