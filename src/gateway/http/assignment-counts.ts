import { ASSIGNMENT_STATES, type AssignmentState } from '../../core/session.js';
import type { AssignmentCounts } from '../../protocol/http.js';
import type { GatewayContext } from '../context.js';
import type { GuardedApp } from './guarded.js';

/** How many Libraries of the open round are in which state. */
export function assignmentCountRoutes(app: GuardedApp, ctx: GatewayContext): void {
  const { sessions, rounds } = ctx.stores;

  app.get('/v1/repos/:repoId/sessions/:sessionId/assignments', async (req, res, { repoId }) => {
    const { sessionId } = req.params;
    const { round } = (await sessions.get(repoId, sessionId)).record;
    const counts = Object.fromEntries(ASSIGNMENT_STATES.map((state) => [state, 0])) as Record<
      AssignmentState,
      number
    >;
    if (round !== null) {
      const { number, attempt } = round;
      const all = await rounds.assignments({ repoId, sessionId, round: number, attempt });
      for (const { state } of all.values()) counts[state] += 1;
    }
    const answer: AssignmentCounts = {
      round: round?.number ?? null,
      attempt: round?.attempt ?? null,
      counts,
    };
    res.json(answer);
  });
}
