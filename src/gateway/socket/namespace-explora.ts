import type { Namespace, Server, Socket } from 'socket.io';
import type * as z from 'zod';
import type { SessionRecord } from '../../core/session.js';
import type { Claims, Role } from '../../protocol/http.js';
import * as ids from '../../protocol/ids.js';
import { parse } from '../../protocol/parse.js';
import {
  cancelJob,
  followSession as followInput,
  sessionRef,
  submitJob as submitInput,
  tokenAuth,
  type ExploraToServer,
} from '../../protocol/socket.js';
import { bySocket, NOBODY, tokenActor, type By } from '../audit/by.js';
import { EVENTS } from '../auth/access.js';
import { admitToken, checkClaims } from '../auth/guard.js';
import type { GatewayContext } from '../context.js';
import { cancelAs, pauseAs, submitAs } from '../service/session-acts.js';
import { viewSession } from '../service/session-view.js';
import { admitWith, endWith, onEvent, requireOpen, requireProtocol, type Handling } from './ack.js';
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
    admitWith(
      async (socket) => {
        requireOpen(ctx.draining);
        await ctx.limits.meet(socket.request);
        const { token, protocolVersion } = parse(tokenAuth, socket.handshake.auth);
        requireProtocol(protocolVersion);
        const claims = await admitToken(ctx, socket.request, token);
        checkClaims(claims, rolesOf('connect') ?? [], null);
        (socket.data as { claims?: Claims }).claims = claims;
      },
      (socket, { code }) =>
        ctx.audit.refused(bySocket(ctx, socket, NOBODY), { repoId: null, code, where: namespace.name }),
    ),
  );
  namespace.on('connection', (socket) => {
    const { claims } = socket.data as { claims?: Claims };
    if (claims === undefined) return;
    endWith(ctx, socket, ctx.tokens.credential(claims));
    if (!socket.connected) return;
    ctx.limits.boundEvents(socket, 'token', claims.sub);
    const by = bySocket(ctx, socket, tokenActor(claims));
    const handling: Handling = {
      socket,
      log: ctx.log,
      onRefused: (event, { code }, input) => {
        const named = ids.repoId.safeParse((input as { repoId?: unknown } | undefined)?.repoId);
        ctx.audit.refused(by, { repoId: named.data ?? null, code, where: event });
      },
    };
    for (const [event, handle] of Object.entries(handlers(ctx, socket, by))) {
      const roles = rolesOf(event);
      if (roles === null) continue;
      const admit = (repoId: string): Promise<void> => checkRepo(ctx, claims, { repoId, roles });
      onEvent(handling, event, (input) => handle(input, admit));
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

function handlers(
  ctx: GatewayContext,
  socket: Socket,
  by: By,
): Readonly<Record<keyof ExploraToServer, Handler>> {
  const follows = new Follows(ctx, socket);
  socket.once('disconnect', () => follows.endAll());
  const viewed = async (session: SessionRecord): Promise<object> => ({
    session: await viewSession(ctx, session),
  });

  return {
    'session:get': handler(sessionRef, async ({ repoId, sessionId }) => {
      const { record } = await ctx.stores.sessions.get(repoId, sessionId);
      return viewed(record);
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
    'job:submit': handler(submitInput, async ({ repoId, job }) =>
      viewed(await submitAs(ctx, by, repoId, job)),
    ),
    'session:pause': handler(sessionRef, async (session) => viewed(await pauseAs(ctx, by, session, true))),
    'session:resume': handler(sessionRef, async (session) => viewed(await pauseAs(ctx, by, session, false))),
    'session:cancel': handler(cancelJob, async ({ reason, ...session }) =>
      viewed(await cancelAs(ctx, by, session, reason)),
    ),
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
