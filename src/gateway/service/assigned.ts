import { CloudNodeError } from '../../protocol/errors.js';
import type { SessionRecord } from '../../core/session.js';
import type { GatewayContext } from '../context.js';
import { findAssignment, type Assigned } from './library-status.js';

interface Library {
  readonly repoId: string;
  readonly libraryId: string;
}

/** A Library sees the version that it works on, and no other. @throws `not_assigned` */
export async function requireAssignedVersion(
  ctx: GatewayContext,
  { libraryId }: Library,
  session: SessionRecord,
  version: number,
): Promise<void> {
  const assigned = await findAssignment(ctx, session, libraryId);
  if (assigned !== null && assigned.session.version === version) return;
  throw new CloudNodeError(
    'not_assigned',
    `Library "${libraryId}" has no assignment for version ${version} of session "${session.sessionId}".`,
  );
}

/** And the topology of what it works on. @throws `not_assigned` */
export async function requireAssignedTopology(
  ctx: GatewayContext,
  { repoId, libraryId }: Library,
  sha256: string,
): Promise<void> {
  const sessions = await ctx.stores.sessions.active(repoId);
  const found = await Promise.all(sessions.map((session) => findAssignment(ctx, session, libraryId)));
  const assigned = found.filter((one): one is Assigned => one !== null);
  const models = await Promise.all(
    assigned.map(({ session }) => ctx.stores.models.get(repoId, session.job.modelId)),
  );
  if (models.some((model) => model.topologySha256 === sha256)) return;
  throw new CloudNodeError(
    'not_assigned',
    `Library "${libraryId}" has no assignment for a model with this topology.`,
  );
}
