import type { KeyRecord } from '../../protocol/records.js';
import type { GatewayContext } from '../context.js';
import { limitsOf, requireWithin } from './repo-limits.js';

/** So long one can see in the list that a key was revoked, or has ended. */
const KEPT_MS = 86_400_000;

/** Keys that have been good for nothing for a day make room. @throws `quota_exceeded` */
export async function requireRoomForKey(ctx: GatewayContext, repoId: string, nowMs: number): Promise<void> {
  const { repos } = ctx.stores;
  const [limits, records] = await Promise.all([limitsOf(ctx, repoId), repos.listKeys(repoId)]);
  if (records.length < limits.keys) return;
  const over = records.filter((record) => endMs(record) < nowMs - KEPT_MS).map(({ keyId }) => keyId);
  await repos.removeKeys(repoId, over);
  requireWithin(repoId, limits, 'keys', records.length - over.length + 1);
}

function endMs({ revokedMs, expiresMs }: KeyRecord): number {
  return Math.min(revokedMs ?? Infinity, expiresMs ?? Infinity);
}
