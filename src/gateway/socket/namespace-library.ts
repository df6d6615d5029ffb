import type { Server, Socket } from 'socket.io';
import type * as z from 'zod';
import { CloudNodeError } from '../../protocol/errors.js';
import * as library from '../../protocol/library.js';
import { parse } from '../../protocol/parse.js';
import { bySocket, keyActor, NOBODY } from '../audit/by.js';
import type { EventOf } from '../auth/access.js';
import { claimedRepo } from '../auth/api-keys.js';
import { admitKey } from '../auth/guard.js';
import { keyCredential } from '../auth/revocations.js';
import type { GatewayContext, LibraryIdentity } from '../context.js';
import { ByteSource } from '../intake/byte-source.js';
import { receiveUpdate } from '../intake/receive-update.js';
import { joinLibrary, libraryStatus, settleAssignment } from '../service/library-status.js';
import { requireClientCertificate } from '../tls/client-certificate.js';
import { admitWith, endWith, onEvent, requireOpen, requireProtocol, type Handling } from './ack.js';
import type { Presence } from './presence.js';

export const LIBRARY_NAMESPACE = '/library';
export const repoRoom = (repoId: string): string => `repo:${repoId}`;
export const libraryRoom = (repoId: string, libraryId: string): string => `library:${repoId}:${libraryId}`;

/** Who is at the other end; null before the key was looked at. */
export function identityOf(socket: { readonly data: unknown }): LibraryIdentity | null {
  return (socket.data as { library?: LibraryIdentity }).library ?? null;
}

export function serveLibraries(io: Server, ctx: GatewayContext, presence: Presence): void {
  const namespace = io.of(LIBRARY_NAMESPACE);
  namespace.use(
    admitWith(
      async (socket) => {
        requireOpen(ctx.draining);
        requireClientCertificate(ctx.config, socket.request.socket);
        await ctx.limits.meet(socket.request);
        const { apiKey, libraryId, protocolVersion } = parse(library.libraryAuth, socket.handshake.auth);
        requireProtocol(protocolVersion);
        const identity = await admitKey(ctx, socket.request, apiKey);
        (socket.data as { library?: LibraryIdentity }).library = { ...identity, libraryId };
      },
      (socket, { code }) => {
        const { apiKey } = socket.handshake.auth as { apiKey?: unknown };
        const repoId = claimedRepo(String(apiKey));
        ctx.audit.refused(bySocket(ctx, socket, NOBODY), { repoId, code, where: LIBRARY_NAMESPACE });
      },
    ),
  );
  namespace.on('connection', (socket) => {
    const who = identityOf(socket);
    if (who === null) return;
    endWith(ctx, socket, keyCredential(who));
    if (!socket.connected) return;
    const room = libraryRoom(who.repoId, who.libraryId);
    void socket.join([repoRoom(who.repoId), room]);
    // A Library has one connection: an older one, on whichever gateway, is a leftover of a broken line.
    namespace.in(room).except(socket.id).disconnectSockets(true);
    socket.once('disconnect', () => presence.left(who, socket.id));
    ctx.limits.boundEvents(socket, 'key', `${who.repoId}/${who.keyId}`);
    serveLibrary(socket, { ctx, presence, who });
  });
}

function serveLibrary(
  socket: Socket,
  { ctx, presence, who }: { ctx: GatewayContext; presence: Presence; who: LibraryIdentity },
): void {
  const by = bySocket(ctx, socket, keyActor(who));
  const { repoId, libraryId } = who;
  const handling: Handling = {
    socket,
    log: ctx.log,
    onRefused: (event, { code }) => ctx.audit.refused(by, { repoId, code, where: event }),
  };
  const onRaw = (event: EventOf<'/library'>, run: (input: unknown) => Promise<object>): void =>
    onEvent(handling, event, async (input) => {
      ctx.revocations.check(keyCredential(who));
      return run(input);
    });
  const on = <S extends z.ZodType>(
    event: EventOf<'/library'>,
    { schema, run }: { schema: S; run: (input: z.infer<S>) => Promise<object> },
  ): void => onRaw(event, (input) => run(parse(schema, input ?? {})));

  on('library:join', {
    schema: library.join,
    run: async ({ datasets, nonce }) => {
      if (!socket.connected) throw new CloudNodeError('conflict', 'This connection has ended.');
      presence.joined(who, socket.id);
      const status = await joinLibrary(ctx, who, { datasets, nonce, connection: socket.id });
      ctx.audit.library(by, { repoId, action: 'library.joined', target: { libraryId } });
      return status;
    },
  });
  on('assignment:get', {
    schema: library.getAssignment,
    run: ({ nonce }) => libraryStatus(ctx, who, nonce),
  });
  on('assignment:accept', {
    schema: library.acceptAssignment,
    run: (at) => settleAssignment(ctx, who, { ...at, state: 'accepted', reason: '' }),
  });
  on('assignment:decline', {
    schema: library.declineAssignment,
    run: (change) => settleAssignment(ctx, who, { ...change, state: 'declined' }),
  });
  on('assignment:fail', {
    schema: library.failAssignment,
    run: (change) => settleAssignment(ctx, who, { ...change, state: 'failed' }),
  });
  on('assignment:progress', {
    schema: library.reportProgress,
    run: async ({ sessionId, round, epoch, epochs }) => {
      ctx.log.debug({ ...who, sessionId, round, epoch, epochs }, 'progress');
      return {};
    },
  });
  onRaw('update:put', async (frame) => {
    if (!(frame instanceof Uint8Array))
      throw new CloudNodeError('invalid_frame', 'update:put takes a frame as binary data.');
    if (frame.length > library.MAX_INLINE_UPDATE_BYTES)
      throw new CloudNodeError(
        'payload_too_large',
        `A frame over the socket may have ${library.MAX_INLINE_UPDATE_BYTES} bytes; this one has ${frame.length}. Send it over HTTP.`,
      );
    const origin = { repoId, libraryId, by, contentLength: frame.length };
    return receiveUpdate(ctx, origin, ByteSource.of(frame));
  });
}
