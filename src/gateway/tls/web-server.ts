import type { Server, ServerOptions } from 'node:http';
import { createServer as createHttps } from 'node:https';
import type { Socket } from 'node:net';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import type { Config } from '../../config/env.js';
import { DirectServer } from '../direct/direct-server.js';
import { DIRECT_PATHS, MESSAGES } from '../http/messages.js';

/** Nothing is known of a client before it; slow ones have the time of a slow network. */
const HANDSHAKE_MS = 10_000;

export type TlsSettings = Pick<Config, 'TLS_CERT' | 'TLS_KEY' | 'TLS_CLIENT_CA'>;

export interface WebServer {
  readonly server: Server;
  readonly scheme: 'http' | 'https';
  /**
   * New connections get this certificate; those that are open go on with theirs.
   * @throws Error when certificate and key can not be used; the old ones stay
   */
  renew(settings: TlsSettings): void;
  /** Ends every connection at once, those that have not come to their first request too. */
  endConnections(): void;
}

/** HTTP; or HTTPS when there is a certificate. */
export function createWebServer(
  settings: TlsSettings & Pick<Config, 'INTAKE_BYTES'>,
  options: ServerOptions,
): WebServer {
  const context = contextOf(settings);
  const common = { ...options, ...MESSAGES };
  if (context === null) {
    const server = new DirectServer(common, DIRECT_PATHS, { pendingBytes: settings.INTAKE_BYTES });
    return {
      server,
      scheme: 'http',
      renew: () => undefined,
      endConnections: () => server.closeAllConnections(),
    };
  }
  // Who needs a certificate is decided request by request: probes, browsers and Explora have none.
  const requestCert = settings.TLS_CLIENT_CA !== undefined;
  const handshake = { requestCert, rejectUnauthorized: false, handshakeTimeout: HANDSHAKE_MS };
  const server = createHttps({ ...common, ...context, ...handshake });
  // The server itself knows a connection only once its handshake is over.
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  return {
    server,
    scheme: 'https',
    renew: (next) => {
      const renewed = contextOf(next);
      if (renewed === null) throw new Error('the certificate is gone');
      server.setSecureContext(renewed);
    },
    endConnections: () => {
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** What is to be used, known to be usable; null: no TLS here. @throws Error from OpenSSL */
export function contextOf({ TLS_CERT, TLS_KEY, TLS_CLIENT_CA }: TlsSettings): SecureContextOptions | null {
  if (TLS_CERT === undefined || TLS_KEY === undefined) return null;
  const ca = TLS_CLIENT_CA === undefined ? {} : { ca: TLS_CLIENT_CA };
  const options: SecureContextOptions = { cert: TLS_CERT, key: TLS_KEY, ...ca, minVersion: 'TLSv1.2' };
  createSecureContext(options);
  return options;
}
