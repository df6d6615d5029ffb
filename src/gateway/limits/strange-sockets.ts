import type { Socket as TcpSocket } from 'node:net';
import type { Server, Socket } from 'socket.io';
import type { Config } from '../../config/env.js';
import { CloudNodeError } from '../../protocol/errors.js';
import type { Strangers } from './strangers.js';

/** "Policy violation" of RFC 6455. */
const CLOSE_CODE = 1008;
/** A reason has room for 123 bytes. */
const REASON_BYTES = 123;
const LINGER_MS = 500;

interface WebSocketLike {
  close(code: number, reason: string): void;
}

/** Bounds what a socket sends before a namespace has let it in; Socket.IO ends it by itself after `connectTimeout`. */
export function boundStrangeSockets(
  io: Server,
  { strangers, config }: { readonly strangers: Strangers; readonly config: Config },
): void {
  io.engine.on('connection', ({ request: { socket }, transport }: EngineSocket) =>
    boundStranger(socket, { strangers, webSocket: transport.socket, maxBytes: config.STRANGER_BYTES }),
  );
}

/** The largest frame is one for all WebSockets of a server, so bytes are counted here as they arrive. */
export function boundStranger(
  socket: TcpSocket,
  given: { readonly strangers: Strangers; readonly webSocket: WebSocketLike; readonly maxBytes: number },
): void {
  const { strangers, webSocket, maxBytes } = given;
  const refuse = (error: CloudNodeError): void => {
    socket.off('data', count);
    webSocket.close(CLOSE_CODE, error.message.slice(0, REASON_BYTES));
    setTimeout(() => socket.destroy(), LINGER_MS).unref();
  };
  let bytes = 0;
  const count = (chunk: Uint8Array): void => {
    if (strangers.isKnown(socket)) {
      socket.off('data', count);
      return;
    }
    bytes += chunk.length;
    if (bytes <= maxBytes) return;
    const text = `Only ${maxBytes} bytes before valid credentials (STRANGER_BYTES).`;
    refuse(new CloudNodeError('payload_too_large', text));
  };
  strangers.becomes(socket, refuse);
  socket.on('data', count);
}

const namespacesOf = new WeakMap<object, number>();

/** A connection that left all its namespaces answers pings for ever, and nobody knows any more whose it is. */
export function endWithNamespaces(socket: Socket, afterMs: number): void {
  const { conn } = socket;
  namespacesOf.set(conn, (namespacesOf.get(conn) ?? 0) + 1);
  socket.once('disconnect', () => {
    namespacesOf.set(conn, (namespacesOf.get(conn) ?? 1) - 1);
    const end = (): void => {
      if (namespacesOf.get(conn) === 0) conn.close(true);
    };
    if (conn.readyState === 'open') setTimeout(end, afterMs).unref();
  });
}

/** Of Engine.IO; the transport's WebSocket is not in its types. */
interface EngineSocket {
  readonly request: { readonly socket: TcpSocket };
  readonly transport: { readonly socket: WebSocketLike };
}
