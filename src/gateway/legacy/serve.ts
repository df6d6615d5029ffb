import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer, type WebSocket } from 'ws';
import type { GatewayContext } from '../context.js';
import { bearerOf, splitCredential } from './admission.js';
import { LegacyConnection } from './connection.js';
import type { SessionAliases } from './session-alias.js';

/** As the predecessor did; who misses two in a row is gone. */
const PING_MS = 10_000;
/** Each may make this process hold one message before it has shown who it is. */
const MAX_UNREGISTERED = 32;

export interface LegacySockets {
  connections(): number;
  /** Cuts all lines, so that old clients, which come back after nothing else, come back elsewhere. */
  disconnectAll(): void;
  close(): Promise<void>;
}

/** JSON over WebSocket on every path but that of Socket.IO, as the clients of 2019 and 2020 speak it. */
export function serveLegacy(server: Server, ctx: GatewayContext, aliases: SessionAliases): LegacySockets {
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: ctx.config.LEGACY_MAX_MESSAGE_BYTES,
    perMessageDeflate: false,
  });
  const connections = new Map<WebSocket, LegacyConnection>();
  const leaving = new Set<Promise<void>>();
  const answering = new Set<WebSocket>();
  let unregistered = 0;

  const connect = (
    socket: WebSocket,
    { url, credential }: ReturnType<typeof splitCredential>,
    request: IncomingMessage,
  ): void => {
    unregistered += 1;
    let isCounted = true;
    const uncount = (): void => {
      if (isCounted) unregistered -= 1;
      isCounted = false;
    };
    ctx.log.debug({ path: url.slice(0, 100) }, 'legacy client connected');
    const claim = { credential: credential ?? bearerOf(request.headers), from: request };
    const connection = new LegacyConnection({
      ctx,
      aliases,
      socket,
      stream: request.socket,
      claim,
      onRegistered: uncount,
    });
    connections.set(socket, connection);
    answering.add(socket);
    socket.on('pong', () => answering.add(socket));
    socket.once('close', () => {
      uncount();
      connections.delete(socket);
      answering.delete(socket);
      const left = connection.close();
      leaving.add(left);
      void left.finally(() => leaving.delete(left));
    });
  };

  const onUpgrade = (request: IncomingMessage, stream: Duplex, head: Buffer): void => {
    const split = splitCredential(request.url ?? '/');
    if (split.url.startsWith('/socket.io')) return;
    if (ctx.draining.aborted || unregistered >= MAX_UNREGISTERED) {
      stream.end('HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 5\r\n\r\n');
      return;
    }
    sockets.handleUpgrade(request, stream, head, (socket) => connect(socket, split, request));
  };
  server.on('upgrade', onUpgrade);

  const pings = setInterval(() => {
    for (const socket of connections.keys()) {
      if (answering.delete(socket)) socket.ping();
      else socket.terminate();
    }
  }, PING_MS);
  pings.unref();

  const disconnectAll = (): void => {
    for (const socket of connections.keys()) socket.terminate();
  };
  return {
    connections: () => connections.size,
    disconnectAll,
    close: async () => {
      clearInterval(pings);
      server.off('upgrade', onUpgrade);
      const closed = [...connections.values()].map((connection) => connection.close());
      disconnectAll();
      await Promise.all([...closed, ...leaving]);
    },
  };
}
