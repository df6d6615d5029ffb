import type { Namespace, Server, Socket } from 'socket.io';
import { subscribeHints, type Hint } from '../../redis/hints.js';
import type { GatewayContext } from '../context.js';
import { inBackground } from '../service/in-background.js';
import { LIBRARY_NAMESPACE, libraryRoom, repoRoom } from './namespace-library.js';

type Reason = 'assignment' | 'stop' | 'sync';

/** They all ask in return; hints must not wait behind the answers, so they are out long before those. */
const SPREAD_MS_EACH = 0.02;
const SYNC_SPREAD_MS = 1_000;

/** Passes the pool's hints on to the sockets of this gateway; each gateway hears every hint itself. */
export async function relayHints(io: Server, ctx: GatewayContext): Promise<() => Promise<void>> {
  const libraries = io.of(LIBRARY_NAMESPACE);
  return subscribeHints(ctx.stores.context, {
    onHint: (hint) => relay(hint, libraries, ctx),
    onGap: () => {
      ctx.watch.allChanged();
      inBackground(ctx, 'revocations', ctx.revocations.refresh());
      tell([...libraries.sockets.values()], 'sync', SYNC_SPREAD_MS);
    },
  });
}

function relay(hint: Hint, libraries: Namespace, ctx: GatewayContext): void {
  switch (hint.kind) {
    case 'session':
      return ctx.watch.changed(hint.repoId, hint.sessionId);
    case 'libraries': {
      const { repoId, libraryIds, reason } = hint;
      const rooms =
        libraryIds === null ? [repoRoom(repoId)] : libraryIds.map((id) => libraryRoom(repoId, id));
      const sockets = rooms.flatMap((room) => socketsIn(libraries, room));
      return tell(sockets, reason, SPREAD_MS_EACH * sockets.length);
    }
    case 'revoked':
      return inBackground(ctx, 'revocations', ctx.revocations.refresh());
  }
}

function socketsIn(namespace: Namespace, room: string): Socket[] {
  const ids = [...(namespace.adapter.rooms.get(room) ?? [])];
  return ids.map((id) => namespace.sockets.get(id)).filter((socket) => socket !== undefined);
}

function tell(sockets: readonly Socket[], reason: Reason, spreadMs: number): void {
  for (const socket of sockets) {
    const emit = (): void => void socket.emit('library:hint', { reason });
    if (spreadMs === 0) emit();
    else setTimeout(emit, Math.random() * spreadMs);
  }
}
