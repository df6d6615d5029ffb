import { grantRentals, slotsWanted } from '../../src/core/rental.js';
import type { RoundRecord, SessionRecord } from '../../src/core/session.js';
import type { PoolDeps } from '../../src/process/pool-deps.js';

/** Rents aggregator slots by the size of the job, within what the pool has and others want. @returns slots granted */
export async function rentSlots(deps: PoolDeps, session: SessionRecord, round: RoundRecord): Promise<number> {
  const { pool, repos } = deps.stores;
  const { repoId, sessionId, geometry } = session;
  const wanted = slotsWanted({ ...geometry, expectedUpdates: round.selected });
  const [rentals, nodes, repo] = await Promise.all([pool.rentals(), pool.nodes(), repos.find(repoId)]);
  const quota = repo?.maxSlots ?? null;
  const others = rentals.filter((rental) => rental.repoId !== repoId || rental.sessionId !== sessionId);
  const key = `${repoId}/${sessionId}`;
  const wants = [
    ...others.map((other) => ({
      key: `${other.repoId}/${other.sessionId}`,
      repoId: other.repoId,
      slots: other.wanted,
      quota: other.quota,
    })),
    { key, repoId, slots: wanted, quota },
  ];
  const capacity = nodes
    .filter((node) => node.role === 'aggregator')
    .reduce((sum, node) => sum + node.slots, 0);
  const granted = grantRentals(wants, Math.max(1, capacity)).get(key) ?? 1;
  const mine = rentals.find((rental) => rental.repoId === repoId && rental.sessionId === sessionId);
  if (mine?.wanted !== wanted || mine.granted !== granted || mine.quota !== quota)
    await pool.setRental({ repoId, sessionId, wanted, granted, quota });
  return granted;
}
