import type { Namespace, Server, Socket } from 'socket.io';
import type * as z from 'zod';
import type { Claims, Role } from '../../protocol/http.js';
import { parse } from '../../protocol/parse.js';
import {
  cancelJob,
  followSession as followInput,
  sessionRef,
  submitJob as submitInput,
  tokenAuth,
  type ExploraToServer,
} from '../../protocol/socket.js';
import { EVENTS } from '../auth/access.js';
import { admitToken, checkClaims } from '../auth/guard.js';
import type { GatewayContext } from '../context.js';
import { cancelSession } from '../service/cancel-session.js';
import { pauseSession } from '../service/pause-session.js';
import { viewSession } from '../service/session-view.js';
import { submitJob } from '../service/submit-job.js';
import { admitWith, endWith, onEvent, requireOpen, requireProtocol } from './ack.js';
import { Follows } from './follows.js';

/** `/explora` and `/dashboard`: access.ts says which events each of them has, and for whom. */
export function serveExplora(io: Server, ctx: GatewayContext): void {
  serveTokens(io.of('/explora'), ctx);
  serveTokens(io.of('/dashboard'), ctx);
}

function serveTokens(namespace: Namespace, ctx: GatewayContext): void {
  const table: Readonly<Record<string, readonly Role[] | 'library'>> = EVENTS;
  const rolesOf = (event: string): readonly Role[] | null => {
    const who = table[`${namespace.name} ${event}`];
    return typeof who === 'object' ? who : null;
  };
  namespace.use(
    admitWith(async (socket) => {
      requireOpen(ctx.draining);
      const { token, protocolVersion } = parse(tokenAuth, socket.handshake.auth);
      requireProtocol(protocolVersion);
      const claims = await admitToken(ctx, token);
      checkClaims(claims, rolesOf('connect') ?? [], null);
      (socket.data as { claims?: Claims }).claims = claims;
    }),
  );
  namespace.on('connection', (socket) => {
    const { claims } = socket.data as { claims?: Claims };
    if (claims === undefined) return;
    endWith(ctx, socket, ctx.tokens.credential(claims));
    if (!socket.connected) return;
    for (const [event, handle] of Object.entries(handlers(ctx, socket))) {
      const roles = rolesOf(event);
      if (roles === null) continue;
      const admit = (repoId: string): Promise<void> => checkRepo(ctx, claims, { repoId, roles });
      onEvent({ socket, log: ctx.log }, event, (input) => handle(input, admit));
    }
  });
}

/** Does what the event asks for, once the Repo that it names is one for its sender. */
type Handler = (input: unknown, admit: (repoId: string) => Promise<void>) => Promise<object>;

function handler<S extends z.ZodType<{ repoId: string }>>(
  schema: S,
  run: (input: z.infer<S>) => Promise<object>,
): Handler {
  return async (raw, admit) => {
    const input = parse(schema, raw ?? {});
    await admit(input.repoId);
    return run(input);
  };
}

function handlers(ctx: GatewayContext, socket: Socket): Readonly<Record<keyof ExploraToServer, Handler>> {
  const follows = new Follows(ctx, socket);
  socket.once('disconnect', () => follows.endAll());

  return {
    'session:get': handler(sessionRef, async ({ repoId, sessionId }) => {
      const { record } = await ctx.stores.sessions.get(repoId, sessionId);
      return { session: await viewSession(ctx, record) };
    }),
    'session:follow': handler(followInput, async ({ repoId, sessionId, afterEventId }) => {
      await ctx.stores.sessions.get(repoId, sessionId);
      follows.begin({ repoId, sessionId, afterId: afterEventId });
      return {};
    }),
    'session:unfollow': handler(sessionRef, async (session) => {
      follows.end(session);
      return {};
    }),
    'job:submit': handler(submitInput, async ({ repoId, job }) => {
      return { session: await viewSession(ctx, await submitJob(ctx, repoId, job)) };
    }),
    'session:pause': handler(sessionRef, async (session) => {
      return { session: await viewSession(ctx, await pauseSession(ctx, session, true)) };
    }),
    'session:resume': handler(sessionRef, async (session) => {
      return { session: await viewSession(ctx, await pauseSession(ctx, session, false)) };
    }),
    'session:cancel': handler(cancelJob, async ({ repoId, sessionId, reason }) => {
      return { session: await viewSession(ctx, await cancelSession(ctx, { repoId, sessionId }, reason)) };
    }),
  };
}

async function checkRepo(
  ctx: GatewayContext,
  claims: Claims,
  { repoId, roles }: { repoId: string; roles: readonly Role[] },
): Promise<void> {
  ctx.revocations.check(ctx.tokens.credential(claims));
  checkClaims(claims, roles, repoId);
  await ctx.stores.repos.get(repoId);
}
