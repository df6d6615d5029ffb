import { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { DirectBody } from './direct-body.js';
import { isAdopted } from './direct-socket.js';

/** A smaller body has come with its headers, or nearly. */
const MIN_BYTES = 64 * 1024;

/** The paths whose bodies are read directly. */
export type DirectPaths = ReadonlySet<string>;

/** Framework code gives requests another prototype, so what belongs to one is kept beside it. */
const bodies = new WeakMap<IncomingMessage, DirectBody>();
const answering = new WeakMap<Socket, number>();

/** Null: the body is that of the stream. */
export function directBody(req: IncomingMessage): DirectBody | null {
  return bodies.get(req) ?? null;
}

export function setDirectBody(req: IncomingMessage, body: DirectBody): void {
  bodies.set(req, body);
}

/** Between the two calls another request on the connection waits for its turn. */
export function countAnswer(socket: Socket, change: 1 | -1): void {
  answering.set(socket, (answering.get(socket) ?? 0) + change);
}

/**
 * A class of requests of which those with a large body end Node's parser, as a request that upgrades the connection
 * does: the parser knows where the body begins and how long it is, and never sees it.
 */
export function directRequests(paths: DirectPaths): typeof IncomingMessage {
  return class DirectRequest extends IncomingMessage {
    // Not a field: the parent's constructor sets `upgrade`, before fields are there.
    declare private upgrades: boolean | null;

    /** Node asks once the headers are known. */
    get upgrade(): boolean {
      return this.upgrades === true || isDirect(this, paths);
    }

    set upgrade(asked: boolean | null) {
      this.upgrades = asked;
    }
  };
}

/** Whether its body is to be read directly: it has a length, nothing is said of the connection, it is its turn. */
export function isDirect(req: IncomingMessage, paths: DirectPaths): boolean {
  const { url, headers, socket } = req;
  return (
    (req.method as string | null) === 'PUT' &&
    url !== undefined &&
    paths.has(url) &&
    req.httpVersion === '1.1' &&
    Number(headers['content-length'] ?? 0) >= MIN_BYTES &&
    headers.expect === undefined &&
    headers.host !== undefined &&
    headers['transfer-encoding'] === undefined &&
    !/close|upgrade/i.test(headers.connection ?? '') &&
    isAdopted(socket) &&
    (answering.get(socket) ?? 0) === 0
  );
}
