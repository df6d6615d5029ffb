import type { Server, Socket } from 'socket.io';
import { CloudNodeError } from '../../protocol/errors.js';
import type { Claims, Role } from '../../protocol/http.js';
import { parse } from '../../protocol/parse.js';
import {
  cancelJob,
  followSession as followInput,
  sessionRef,
  submitJob as submitInput,
  tokenAuth,
} from '../../protocol/socket.js';
import { checkRole, READERS, WRITERS } from '../auth/guard.js';
import type { GatewayContext } from '../context.js';
import { cancelSession } from '../service/cancel-session.js';
import { pauseSession } from '../service/pause-session.js';
import { viewSession } from '../service/session-view.js';
import { submitJob } from '../service/submit-job.js';
import { admitWith, onEvent, requireOpen, requireProtocol } from './ack.js';
import { Follows } from './follows.js';

export const EXPLORA_NAMESPACE = '/explora';
export const DASHBOARD_NAMESPACE = '/dashboard';

/** Like the verification of tokens. */
const CLOCK_TOLERANCE_MS = 60_000;
/** The longest time that a timer takes. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** `/explora`, and `/dashboard`: the same but for what changes something. */
export function serveExplora(io: Server, ctx: GatewayContext): void {
  for (const name of [EXPLORA_NAMESPACE, DASHBOARD_NAMESPACE]) {
    const namespace = io.of(name);
    namespace.use(
      admitWith(async (socket) => {
        requireOpen(ctx.draining);
        await ctx.limits.meet(socket.request);
        const { token, protocolVersion } = parse(tokenAuth, socket.handshake.auth);
        requireProtocol(protocolVersion);
        const verified = await ctx.tokens.verify(token);
        await ctx.limits.admit(socket.request, 'token', verified.sub);
        (socket.data as { claims?: Claims }).claims = verified;
      }),
    );
    namespace.on('connection', (socket) => {
      const { claims } = socket.data as { claims?: Claims };
      if (claims === undefined) return;
      endWithToken(socket, claims);
      ctx.limits.boundEvents(socket, 'token', claims.sub);
      serveReader(socket, ctx, claims);
      if (name === EXPLORA_NAMESPACE) serveWriter(socket, ctx, claims);
    });
  }
}

function serveReader(socket: Socket, ctx: GatewayContext, claims: Claims): void {
  const on = { socket, log: ctx.log };
  const follows = new Follows(ctx, socket);
  socket.once('disconnect', () => follows.endAll());

  onEvent(on, 'session:get', {
    schema: sessionRef,
    run: async ({ repoId, sessionId }) => {
      await requireRepo(ctx, claims, { repoId, roles: READERS });
      const { record } = await ctx.stores.sessions.get(repoId, sessionId);
      return { session: await viewSession(ctx, record) };
    },
  });
  onEvent(on, 'session:follow', {
    schema: followInput,
    run: async ({ repoId, sessionId, afterEventId }) => {
      await requireRepo(ctx, claims, { repoId, roles: READERS });
      await ctx.stores.sessions.get(repoId, sessionId);
      follows.begin({ repoId, sessionId, afterId: afterEventId });
      return {};
    },
  });
  onEvent(on, 'session:unfollow', {
    schema: sessionRef,
    run: async (session) => {
      follows.end(session);
      return {};
    },
  });
}

function serveWriter(socket: Socket, ctx: GatewayContext, claims: Claims): void {
  const on = { socket, log: ctx.log };

  onEvent(on, 'job:submit', {
    schema: submitInput,
    run: async ({ repoId, job }) => {
      await requireRepo(ctx, claims, { repoId, roles: WRITERS });
      return { session: await viewSession(ctx, await submitJob(ctx, repoId, job)) };
    },
  });
  for (const [event, pause] of [
    ['session:pause', true],
    ['session:resume', false],
  ] as const) {
    onEvent(on, event, {
      schema: sessionRef,
      run: async (session) => {
        await requireRepo(ctx, claims, { repoId: session.repoId, roles: WRITERS });
        return { session: await viewSession(ctx, await pauseSession(ctx, session, pause)) };
      },
    });
  }
  onEvent(on, 'session:cancel', {
    schema: cancelJob,
    run: async ({ repoId, sessionId, reason }) => {
      await requireRepo(ctx, claims, { repoId, roles: WRITERS });
      return { session: await viewSession(ctx, await cancelSession(ctx, { repoId, sessionId }, reason)) };
    },
  });
}

async function requireRepo(
  ctx: GatewayContext,
  claims: Claims,
  need: { repoId: string; roles: readonly Role[] },
): Promise<void> {
  if (Date.now() > claims.exp * 1000 + CLOCK_TOLERANCE_MS)
    throw new CloudNodeError('unauthenticated', 'The token has expired.');
  checkRole(claims, need);
  await ctx.stores.repos.get(need.repoId);
}

/** A connection is good for as long as its token. */
function endWithToken(socket: Socket, claims: Claims): void {
  const leftMs = claims.exp * 1000 + CLOCK_TOLERANCE_MS - Date.now();
  const timer = setTimeout(() => socket.disconnect(true), Math.min(leftMs, MAX_TIMER_MS));
  socket.once('disconnect', () => clearTimeout(timer));
}
