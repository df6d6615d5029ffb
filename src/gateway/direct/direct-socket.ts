import { Socket, type OnReadOpts, type SocketConstructorOpts } from 'node:net';
import { readInto, SCRATCH_BYTES, type Receiver } from '../../net/read-into.js';

interface Direct {
  receiver: Receiver | null;
  /** The stream had more to read than the small memory takes. */
  isMuch: boolean;
}

/** Where the bytes of all streams pass through that fill what is read otherwise. */
const much = new Uint8Array(64 * 1024);

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
  // Windows writes into the memory of a read that was stopped, whoever has it by then.
  if (typeof handle?.useUserBuffer !== 'function' || process.platform === 'win32') return accepted;
  const direct: Direct = { receiver: null, isMuch: false };
  // Of a WebSocket, or of a request: as Node does it, but that little is read until much has come.
  const stream: Receiver = {
    room: () => (direct.isMuch ? much : null),
    received: (bytes) => {
      direct.isMuch = bytes.length >= SCRATCH_BYTES;
      return socket.push(Buffer.from(bytes));
    },
  };
  const options: Options = { handle, allowHalfOpen: true, onread: readInto(() => direct.receiver ?? stream) };
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
  direct.isMuch = false;
}
