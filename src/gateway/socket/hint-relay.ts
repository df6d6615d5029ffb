import type { Namespace, Server } from 'socket.io';
import { subscribeHints, type Hint } from '../../redis/hints.js';
import type { GatewayContext } from '../context.js';
import { inBackground } from '../service/in-background.js';
import { LIBRARY_NAMESPACE, libraryRoom, repoRoom } from './namespace-library.js';

type Reason = 'assignment' | 'stop' | 'sync';

/** They all ask in return; hints must not wait behind the answers, so they are out long before those. */
const SPREAD_MS_EACH = 0.02;
const SYNC_SPREAD_MS = 1_000;
/** A hint is made once for so many sockets: making it costs more than sending it. */
const SOCKETS_AT_ONCE = 50;

/** Passes the pool's hints on to the sockets of this gateway; each gateway hears every hint itself. */
export async function relayHints(io: Server, ctx: GatewayContext): Promise<() => Promise<void>> {
  const libraries = io.of(LIBRARY_NAMESPACE);
  return subscribeHints(ctx.stores.context, {
    onHint: (hint) => relay(hint, libraries, ctx),
    onGap: () => {
      ctx.watch.allChanged();
      inBackground(ctx, 'revocations', ctx.revocations.refresh());
      tell(libraries, [...libraries.sockets.keys()], { reason: 'sync', spreadMs: SYNC_SPREAD_MS });
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
      const sockets = rooms.flatMap((room) => [...(libraries.adapter.rooms.get(room) ?? [])]);
      return tell(libraries, sockets, { reason, spreadMs: SPREAD_MS_EACH * sockets.length });
    }
    case 'revoked':
      return inBackground(ctx, 'revocations', ctx.revocations.refresh());
  }
}

function tell(
  libraries: Namespace,
  sockets: readonly string[],
  { reason, spreadMs }: { reason: Reason; spreadMs: number },
): void {
  for (let first = 0; first < sockets.length; first += SOCKETS_AT_ONCE) {
    const some = sockets.slice(first, first + SOCKETS_AT_ONCE);
    const emit = (): void => void libraries.local.to(some).emit('library:hint', { reason });
    if (first === 0) emit();
    else setTimeout(emit, (spreadMs * first) / sockets.length);
  }
}
