import { STATUS_CODES, type Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { CloudNodeError } from '../../protocol/errors.js';

/** Time to read the answer before the connection is gone. */
const LINGER_MS = 500;

export interface HeaderLimits {
  readonly MAX_HEADER_BYTES: number;
  readonly HEADER_TIMEOUT_MS: number;
}

/** What is no request that Node would pass on is answered with an error of the table all the same. */
export function answerBadRequests(server: Server, limits: HeaderLimits): void {
  server.on('clientError', (reason: NodeJS.ErrnoException, socket: Duplex) => {
    if (reason.code === 'ECONNRESET' || !socket.writable) socket.destroy();
    else refuseRaw(socket, badRequest(reason.code, limits));
  });
}

function badRequest(code: string | undefined, limits: HeaderLimits): CloudNodeError {
  const { MAX_HEADER_BYTES, HEADER_TIMEOUT_MS } = limits;
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return new CloudNodeError(
        'headers_too_large',
        `The request line and headers may have ${MAX_HEADER_BYTES} bytes (MAX_HEADER_BYTES).`,
      );
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new CloudNodeError(
        'upload_interrupted',
        `The headers of the request did not come within ${HEADER_TIMEOUT_MS} ms (HEADER_TIMEOUT_MS).`,
      );
    case 'HPE_CHUNK_EXTENSIONS_OVERFLOW':
      return new CloudNodeError('payload_too_large', 'The extensions of a chunk are too long.');
    default:
      return new CloudNodeError('invalid_request', 'This is not a valid HTTP request.');
  }
}

/** Writes a whole answer to a connection that speaks HTTP, and ends it. */
export function refuseRaw(socket: Duplex, error: CloudNodeError): void {
  const body = JSON.stringify({ error: error.toWire() });
  const retry =
    error.retryAfterMs === undefined ? [] : [`Retry-After: ${Math.ceil(error.retryAfterMs / 1_000)}`];
  const head = [
    `HTTP/1.1 ${error.status} ${STATUS_CODES[error.status] ?? ''}`,
    'Content-Type: application/json; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    ...retry,
    'Connection: close',
  ];
  socket.on('error', () => undefined);
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
  setTimeout(() => socket.destroy(), LINGER_MS).unref();
}
