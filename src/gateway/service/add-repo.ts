import { CloudNodeError } from '../../protocol/errors.js';
import type { RepoRecord } from '../../protocol/records.js';
import { redisNowMs } from '../../redis/context.js';
import { Removal } from '../../redis/removal.js';
import type { RepoLimits } from '../../protocol/repo-limits.js';
import type { GatewayContext } from '../context.js';

/** @throws `repo_exists`, also while one of that id is being deleted */
export async function addRepo(
  ctx: GatewayContext,
  input: {
    repoId: string;
    name?: string | undefined;
    concurrency: number;
    maxSlots: number | null;
    limits: RepoLimits;
  },
): Promise<RepoRecord> {
  const { repoId, concurrency, maxSlots, limits } = input;
  const { context, repos } = ctx.stores;
  if ((await new Removal(context).isKnown(repoId)) && (await repos.find(repoId)) === null)
    throw new CloudNodeError('repo_exists', `Repo "${repoId}" is being deleted.`);
  const createdMs = await redisNowMs(context, repoId);
  const name = input.name ?? repoId;
  const record: RepoRecord = { v: 1, repoId, name, createdMs, concurrency, maxSlots, limits };
  await repos.create(record);
  return record;
}
