/** One session's wish for aggregator slots. */
export interface Want {
  readonly key: string;
  readonly slots: number;
}

/** The same with whose it is, and what that Repo may rent at most in all; null: as much as there is. */
export interface RepoWant extends Want {
  readonly repoId: string;
  readonly quota: number | null;
}

/** Update bytes that one slot is expected to fold in a round without anybody waiting for it. */
export const BYTES_PER_SLOT = 256 * 1024 * 1024;

/** Slots that a job of this size can use: never more than it has shards, since a shard is folded by one slot. */
export function slotsWanted(job: {
  paramCount: number;
  shardCount: number;
  expectedUpdates: number;
}): number {
  const bytes = job.paramCount * 4 * job.expectedUpdates;
  return Math.max(1, Math.min(job.shardCount, Math.ceil(bytes / BYTES_PER_SLOT)));
}

/**
 * Who gets how many of the pool's slots: fair between Repos first, each within its quota, then between the sessions of
 * a Repo, so that many sessions are no way to a larger share. Deterministic in the set of wants.
 */
export function grantRentals(wants: readonly RepoWant[], capacity: number): Map<string, number> {
  const ofRepo = new Map<string, RepoWant[]>();
  for (const want of wants) ofRepo.set(want.repoId, [...(ofRepo.get(want.repoId) ?? []), want]);
  const repos = [...ofRepo].map(([repoId, own]) => {
    const wanted = own.reduce((sum, want) => sum + want.slots, 0);
    return { key: repoId, slots: Math.min(wanted, ...own.map((want) => want.quota ?? Infinity)) };
  });
  const shares = grantSlots(repos, capacity);
  const grants = [...ofRepo].map(([repoId, own]) => grantSlots(own, shares.get(repoId) ?? 1));
  return new Map(grants.flatMap((granted) => [...granted]));
}

/**
 * Max-min fair shares: everybody gets what they want up to an equal share, and what the modest leave over is lent to
 * the others. Everybody gets at least one, even on a crowded pool: the jobs then wait in the queue, where they are
 * served in order.
 */
export function grantSlots(wants: readonly Want[], capacity: number): Map<string, number> {
  const ordered = [...wants].sort((a, b) => a.slots - b.slots || (a.key < b.key ? -1 : 1));
  const grants = new Map<string, number>();
  let left = capacity;
  ordered.forEach((want, i) => {
    const share = Math.floor(left / (ordered.length - i));
    const granted = Math.max(1, Math.min(want.slots, share));
    grants.set(want.key, granted);
    left = Math.max(0, left - granted);
  });
  return grants;
}
