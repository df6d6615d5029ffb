import { Socket, type OnReadOpts, type SocketConstructorOpts } from 'node:net';

/** Where bytes come to while nobody has said where they should. They are copied from it at once, so one is enough. */
const scratch = new Uint8Array(16 * 1024);

/** Takes what comes over a connection, in the place of its stream. */
export interface Receiver {
  /** Memory for what comes next; null: none, it is given with `received`. */
  room(): Uint8Array | null;
  /**
   * @param bytes its length is how many came
   * @param inPlace whether they are in the room that was given, and not in memory that is used again
   * @returns whether to go on reading; otherwise `socket.read(0)` does
   */
  received(bytes: Uint8Array, inPlace: boolean): boolean;
}

interface Direct {
  receiver: Receiver | null;
}

const directs = new WeakMap<Socket, Direct>();

/** The constructor takes a handle in all versions of Node; that it does is not written down. */
interface WithHandle {
  _handle: { readonly useUserBuffer?: unknown } | null;
  _server: object | null;
  server?: object;
}
type Options = SocketConstructorOpts & { readonly handle: unknown; readonly onread: OnReadOpts };

/**
 * The same connection as a socket that can read into memory it is given (`receiveInto`). Node's own makes a buffer of
 * 64 KiB for each read, its HTTP parser makes another one, and both are garbage right after: for large uploads that is
 * most of what a server does. Where a handle can not read this way the socket is returned as it is.
 */
export function adopt(accepted: Socket): Socket {
  const old = accepted as unknown as WithHandle;
  const handle = old._handle;
  if (typeof handle?.useUserBuffer !== 'function') return accepted;
  const direct: Direct = { receiver: null };
  // Is asked after each read, and by the constructor.
  const buffer = (): Uint8Array => direct.receiver?.room() ?? scratch;
  const callback = (length: number, filled: Uint8Array): boolean => {
    const bytes = filled.subarray(0, length);
    if (direct.receiver !== null) return direct.receiver.received(bytes, filled !== scratch);
    // A WebSocket's, or a request's.
    return socket.push(Buffer.from(bytes));
  };
  const options: Options = { handle, allowHalfOpen: true, onread: { buffer, callback } };
  old._handle = null;
  const socket = new Socket(options);
  directs.set(socket, direct);
  // It counts for the server in the place of the other one.
  const own = socket as unknown as WithHandle;
  if (old.server !== undefined) own.server = old.server;
  own._server = old._server;
  old._server = null;
  accepted.destroy();
  return socket;
}

/** Whether `receiveInto` works with it. */
export function isAdopted(socket: Socket): boolean {
  return directs.has(socket);
}

/** From now on all bytes go to the receiver; null: to the stream. Errors and ends come as events all the same. */
export function receiveInto(socket: Socket, receiver: Receiver | null): void {
  const direct = directs.get(socket);
  if (direct === undefined) throw new Error('this socket reads as a stream only');
  direct.receiver = receiver;
}
