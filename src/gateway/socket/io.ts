import type { EventEmitter } from 'node:events';
import type { Server as HttpServer } from 'node:http';
import { createAdapter } from '@socket.io/redis-adapter';
import { Server } from 'socket.io';
import { MAX_INLINE_UPDATE_BYTES } from '../../protocol/library.js';
import { boundStrangeSockets } from '../limits/strange-sockets.js';
import { createPubSubClients } from '../../redis/pub-sub-clients.js';
import { metrics } from '../../telemetry/metrics.js';
import type { GatewayContext } from '../context.js';
import { Origins } from '../http/cors.js';
import { relayHints } from './hint-relay.js';
import { serveExplora } from './namespace-explora.js';
import { serveLibraries } from './namespace-library.js';
import { Presence } from './presence.js';

const PING_INTERVAL_MS = 5_000;
const PING_TIMEOUT_MS = 10_000;
/** A frame that is a little too large is refused in words; one that is far too large ends the connection. */
const ENVELOPE_BYTES = 64 * 1024;

export interface Sockets {
  readonly io: Server;
  connections(): number;
  /** Tells the clients of this gateway to go elsewhere. */
  announceDraining(reconnectWithinMs: number): void;
  disconnectAll(): void;
  close(): Promise<void>;
}

/** Socket.IO on the server, with all namespaces. */
export async function createSockets(server: HttpServer, ctx: GatewayContext): Promise<Sockets> {
  const { redis, keys } = ctx.stores.context;
  const clients = await createPubSubClients(redis);
  const origins = new Origins(ctx.config.CORS_ORIGINS);
  const io = new Server(server, {
    path: '/socket.io',
    transports: ['websocket'],
    serveClient: false,
    maxHttpBufferSize: MAX_INLINE_UPDATE_BYTES + ENVELOPE_BYTES,
    allowRequest: (req, decide) => decide(null, origins.admits(req)),
    // Nothing is unpacked, so nothing small becomes large.
    perMessageDeflate: false,
    connectTimeout: ctx.config.STRANGER_MS,
    pingInterval: PING_INTERVAL_MS,
    pingTimeout: PING_TIMEOUT_MS,
    adapter: createAdapter(clients.pub, clients.sub, {
      key: `${keys.prefix}:socket.io`,
      publishOnSpecificResponseChannel: true,
    }),
  });
  boundStrangeSockets(io, { strangers: ctx.limits.strangers, config: ctx.config });
  io.engine.on('connection', (connection: EventEmitter) => {
    metrics.connections.inc();
    connection.once('close', () => metrics.connections.dec());
  });
  const presence = new Presence(ctx);
  serveLibraries(io, ctx, presence);
  serveExplora(io, ctx);
  const stopHints = await relayHints(io, ctx);
  presence.start();
  return {
    io,
    connections: () => io.engine.clientsCount,
    announceDraining: (reconnectWithinMs) => {
      for (const namespace of io._nsps.values())
        namespace.local.emit('server:draining', { reconnectWithinMs });
    },
    disconnectAll: () => {
      for (const namespace of io._nsps.values()) namespace.local.disconnectSockets(true);
    },
    close: async () => {
      await stopHints();
      // Closes the HTTP server as well.
      await io.close();
      await presence.stop();
      await clients.close();
    },
  };
}
