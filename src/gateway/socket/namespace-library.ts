import type { Server, Socket } from 'socket.io';
import { CloudNodeError } from '../../protocol/errors.js';
import * as library from '../../protocol/library.js';
import { parse } from '../../protocol/parse.js';
import { bySocket, keyActor, NOBODY } from '../audit/by.js';
import { claimedRepo, verifyApiKey } from '../auth/api-keys.js';
import type { GatewayContext, LibraryIdentity } from '../context.js';
import { ByteSource } from '../intake/byte-source.js';
import { receiveUpdate } from '../intake/receive-update.js';
import { joinLibrary, libraryStatus, settleAssignment } from '../service/library-status.js';
import { admitWith, onEvent, onRawEvent, requireOpen, requireProtocol, type Handling } from './ack.js';
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
        const { apiKey, libraryId, protocolVersion } = parse(library.libraryAuth, socket.handshake.auth);
        requireProtocol(protocolVersion);
        const { repoId, keyId } = await verifyApiKey(ctx.stores.repos, apiKey);
        (socket.data as { library?: LibraryIdentity }).library = { repoId, keyId, libraryId };
      },
      (socket, { code }) => {
        const { apiKey } = socket.handshake.auth as { apiKey?: unknown };
        const repoId = claimedRepo(String(apiKey));
        ctx.audit.refused(bySocket(socket, NOBODY), { repoId, code, where: LIBRARY_NAMESPACE });
      },
    ),
  );
  namespace.on('connection', (socket) => {
    const who = identityOf(socket);
    if (who === null) return;
    const room = libraryRoom(who.repoId, who.libraryId);
    void socket.join([repoRoom(who.repoId), room]);
    // A Library has one connection: an older one, on whichever gateway, is a leftover of a broken line.
    namespace.in(room).except(socket.id).disconnectSockets(true);
    socket.once('disconnect', () => presence.left(who, socket.id));
    serveLibrary(socket, { ctx, presence, who });
  });
}

function serveLibrary(
  socket: Socket,
  { ctx, presence, who }: { ctx: GatewayContext; presence: Presence; who: LibraryIdentity },
): void {
  const by = bySocket(socket, keyActor(who));
  const { repoId, libraryId } = who;
  const on: Handling = {
    socket,
    log: ctx.log,
    onRefused: (event, { code }) => ctx.audit.refused(by, { repoId, code, where: event }),
  };

  onEvent(on, 'library:join', {
    schema: library.join,
    run: async ({ datasets }) => {
      if (!socket.connected) throw new CloudNodeError('conflict', 'This connection has ended.');
      presence.joined(who, socket.id);
      const status = await joinLibrary(ctx, who, { datasets, connection: socket.id });
      ctx.audit.library(by, { repoId, action: 'library.joined', target: { libraryId } });
      return status;
    },
  });
  onEvent(on, 'assignment:get', {
    schema: library.getAssignment,
    run: () => libraryStatus(ctx, who),
  });
  onEvent(on, 'assignment:accept', {
    schema: library.acceptAssignment,
    run: (at) => settleAssignment(ctx, who, { ...at, state: 'accepted', reason: '' }),
  });
  onEvent(on, 'assignment:decline', {
    schema: library.declineAssignment,
    run: (change) => settleAssignment(ctx, who, { ...change, state: 'declined' }),
  });
  onEvent(on, 'assignment:fail', {
    schema: library.failAssignment,
    run: (change) => settleAssignment(ctx, who, { ...change, state: 'failed' }),
  });
  onEvent(on, 'assignment:progress', {
    schema: library.reportProgress,
    run: async ({ sessionId, round, epoch, epochs }) => {
      ctx.log.debug({ ...who, sessionId, round, epoch, epochs }, 'progress');
      return {};
    },
  });
  onRawEvent(on, 'update:put', async (frame) => {
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
