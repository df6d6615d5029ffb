/** One session's wish for aggregator slots. */
export interface Want {
  readonly key: string;
  readonly slots: number;
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
 * Max-min fair shares of the pool's slots: everybody gets what they want up to an equal share, and what the modest
 * leave over is lent to the others. Every session gets at least one, even on a crowded pool: its jobs then wait in
 * the queue, where they are served in order. Deterministic in the set of wants.
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
