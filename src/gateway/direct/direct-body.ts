import type { Socket } from 'node:net';
import type { Inlet, InletEvents } from '../intake/inlet.js';
import type { Receiver } from '../../net/read-into.js';
import { receiveInto } from './direct-socket.js';

/** What is thrown away is read in such pieces. */
const TRASH_BYTES = 64 * 1024;

/** The body of a request of known length, read straight into the memory where it is wanted. */
export class DirectBody implements Receiver, Inlet {
  readonly #socket: Socket;
  /** Came with the headers, or before anybody wanted it. */
  #early: Uint8Array;
  /** Of those that did not come yet. */
  #remaining: number;
  #room: Uint8Array | null = null;
  #events: InletEvents | null = null;
  /** The connection holds the room: it is asked for it before each read, and not at its beginning. */
  #isLent = false;
  #isBroken = false;

  /** Takes over the connection, which is not read from until somebody wants bytes. */
  constructor(socket: Socket, contentLength: number, head: Uint8Array) {
    this.#socket = socket;
    const own = Math.min(contentLength, head.length);
    this.#early = head.subarray(0, own);
    this.#remaining = contentLength - own;
    if (own < head.length) socket.push(head.subarray(own));
    socket.pause();
    receiveInto(socket, this);
  }

  /** Bytes of it that nobody has taken. */
  get unread(): number {
    return this.#early.length + this.#remaining;
  }

  listen(events: InletEvents): Inlet {
    this.#events = events;
    return this;
  }

  open(room: Uint8Array): void {
    if (this.#isBroken) return void this.#events?.broken();
    this.#room = room;
    const early = this.#early;
    if (early.length > 0) {
      this.#early = early.subarray(room.length);
      this.#fill(early.subarray(0, room.length));
    }
    if (this.#isWanted()) this.#socket.read(0);
  }

  shut(): void {
    this.#room = null;
    if (!this.#isLent) return;
    // The next bytes would still be written there, whoever has that memory by then.
    this.#socket.pause();
    this.#isBroken = true;
  }

  release(): void {
    this.shut();
    this.#events = null;
  }

  /** The connection is gone, or half of it. */
  broken(reason?: Error): void {
    if (this.#isBroken) return;
    this.#isBroken = true;
    if (this.unread > 0) this.#events?.broken(reason);
  }

  /** Reads and forgets what nobody wants. Resolves at its end, or at that of the connection. */
  async discard(): Promise<void> {
    const trash = new Uint8Array(TRASH_BYTES);
    await new Promise<void>((resolve) => {
      const more = (): void => this.open(trash);
      const broken = (): void => resolve();
      this.listen({ filled: more, data: more, ended: resolve, broken });
      more();
    });
  }

  room(): Uint8Array | null {
    const room = this.#room;
    this.#isLent = room !== null && room.length > 0 && this.#remaining > 0;
    if (room === null || !this.#isLent) return null;
    return room.length > this.#remaining ? room.subarray(0, this.#remaining) : room;
  }

  received(bytes: Uint8Array, inPlace: boolean): boolean {
    this.#isLent = false;
    const own = bytes.subarray(0, this.#remaining);
    this.#remaining -= own.length;
    // What comes after the body is the next request's.
    if (own.length < bytes.length) this.#socket.push(Buffer.from(bytes.subarray(own.length)));
    if (inPlace) this.#filled(own.length);
    else {
      const fits = this.#room?.length ?? 0;
      if (fits < own.length) this.#early = Buffer.concat([this.#early, own.subarray(fits)]);
      if (fits > 0) this.#fill(own.subarray(0, fits));
    }
    return this.#isWanted();
  }

  #fill(bytes: Uint8Array): void {
    this.#room?.set(bytes);
    this.#filled(bytes.length);
  }

  #filled(length: number): void {
    this.#room = this.#room?.subarray(length) ?? null;
    this.#events?.filled(length);
  }

  /** Says when there is no more to come for whoever wants more. */
  #isWanted(): boolean {
    if (this.#room === null || this.#room.length === 0) return false;
    if (this.unread > 0) return this.#remaining > 0;
    this.#events?.ended();
    return false;
  }
}
