import type { Server, Socket } from 'socket.io';
import { CloudNodeError } from '../../protocol/errors.js';
import type { Claims, Role } from '../../protocol/http.js';
import * as ids from '../../protocol/ids.js';
import { parse } from '../../protocol/parse.js';
import {
  cancelJob,
  followSession as followInput,
  sessionRef,
  submitJob as submitInput,
  tokenAuth,
} from '../../protocol/socket.js';
import { bySocket, NOBODY, tokenActor } from '../audit/by.js';
import { checkRole, READERS, WRITERS } from '../auth/guard.js';
import type { GatewayContext } from '../context.js';
import { cancelSession } from '../service/cancel-session.js';
import { pauseSession } from '../service/pause-session.js';
import { viewSession } from '../service/session-view.js';
import { submitJob } from '../service/submit-job.js';
import { admitWith, onEvent, requireOpen, requireProtocol, type Handling } from './ack.js';
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
      admitWith(
        async (socket) => {
          requireOpen(ctx.draining);
          const { token, protocolVersion } = parse(tokenAuth, socket.handshake.auth);
          requireProtocol(protocolVersion);
          (socket.data as { claims?: Claims }).claims = await ctx.tokens.verify(token);
        },
        (socket, { code }) =>
          ctx.audit.refused(bySocket(socket, NOBODY), { repoId: null, code, where: name }),
      ),
    );
    namespace.on('connection', (socket) => {
      const { claims } = socket.data as { claims?: Claims };
      if (claims === undefined) return;
      endWithToken(socket, claims);
      serveReader(socket, ctx, claims);
      if (name === EXPLORA_NAMESPACE) serveWriter(socket, ctx, claims);
    });
  }
}

function serveReader(socket: Socket, ctx: GatewayContext, claims: Claims): void {
  const on = handlingOf(socket, ctx, claims);
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
  const on = handlingOf(socket, ctx, claims);
  const by = bySocket(socket, tokenActor(claims));

  onEvent(on, 'job:submit', {
    schema: submitInput,
    run: async ({ repoId, job }) => {
      await requireRepo(ctx, claims, { repoId, roles: WRITERS });
      const submitted = await ctx.audit.act(
        by,
        { repoId, action: 'job.submitted' },
        () => submitJob(ctx, repoId, job),
        ({ sessionId, job: { modelId } }) => ({ sessionId, modelId }),
      );
      return { session: await viewSession(ctx, submitted) };
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
        const { repoId, sessionId } = session;
        const action = pause ? 'session.paused' : 'session.resumed';
        const paused = await ctx.audit.act(by, { repoId, action, target: { sessionId } }, () =>
          pauseSession(ctx, session, pause),
        );
        return { session: await viewSession(ctx, paused) };
      },
    });
  }
  onEvent(on, 'session:cancel', {
    schema: cancelJob,
    run: async ({ repoId, sessionId, reason }) => {
      await requireRepo(ctx, claims, { repoId, roles: WRITERS });
      const act = { repoId, action: 'session.cancelled', target: { sessionId } } as const;
      const cancelled = await ctx.audit.act(by, act, () => cancelSession(ctx, { repoId, sessionId }, reason));
      return { session: await viewSession(ctx, cancelled) };
    },
  });
}

function handlingOf(socket: Socket, ctx: GatewayContext, claims: Claims): Handling {
  const by = bySocket(socket, tokenActor(claims));
  return {
    socket,
    log: ctx.log,
    onRefused: (event, { code }, input) => {
      const named = ids.repoId.safeParse((input as { repoId?: unknown } | undefined)?.repoId);
      ctx.audit.refused(by, { repoId: named.data ?? null, code, where: event });
    },
  };
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
