import type { Express } from 'express';
import { ASSIGNMENT_STATES, type AssignmentState } from '../../core/session.js';
import type { AssignmentCounts } from '../../protocol/http.js';
import { READERS, requireRepo } from '../auth/guard.js';
import type { GatewayContext } from '../context.js';

/** How many Libraries of the open round are in which state. */
export function assignmentCountRoutes(app: Express, ctx: GatewayContext): void {
  const { sessions, rounds } = ctx.stores;

  app.get('/v1/repos/:repoId/sessions/:sessionId/assignments', async (req, res) => {
    const repoId = await requireRepo(ctx, req, READERS);
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
