import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { Config } from '../../config/env.js';
import { CloudNodeError } from '../../protocol/errors.js';

/** Libraries show a certificate as well as their key, where TLS_CLIENT_CA is set. @throws `client_certificate_required` */
export function requireClientCertificate(
  { TLS_CLIENT_CA }: Pick<Config, 'TLS_CLIENT_CA'>,
  socket: Socket,
): void {
  if (TLS_CLIENT_CA === undefined || (socket instanceof TLSSocket && socket.authorized)) return;
  // Its type says Error; it is the code of OpenSSL.
  const why = socket instanceof TLSSocket ? (socket.authorizationError as unknown) : null;
  const reason = typeof why === 'string' ? ` (${why})` : '';
  throw new CloudNodeError(
    'client_certificate_required',
    `Libraries of this pool need a client certificate that TLS_CLIENT_CA knows${reason}.`,
  );
}
