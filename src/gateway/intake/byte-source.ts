import type { Readable } from 'node:stream';
import { CloudNodeError } from '../../protocol/errors.js';
import { streamInlet, type Inlet, type InletEvents } from './inlet.js';

/** How a body must come: one that stands still, or trickles, would hold its memory for as long as its sender likes. */
export interface Pace {
  /** Longest silence while it is waited for, ms. */
  readonly idleMs: number;
  /** On average, counted in the time that it was waited for, after the first `idleMs`; 0: any. */
  readonly minBytesPerSecond: number;
}

const PACE: Pace = { idleMs: 30_000, minBytesPerSecond: 1_024 };
const EMPTY = new Uint8Array(0);

interface Read {
  readonly target: Uint8Array;
  filled: number;
  resolve(filled: number): void;
  reject(error: CloudNodeError): void;
}

/**
 * Reads a body in pieces of any size, never much more than is asked for: the sender waits meanwhile. Bytes go straight
 * to where they are wanted; there is a promise for each piece, not for each chunk.
 */
export class ByteSource {
  readonly #inlet: Inlet | null;
  readonly #pace: Pace;
  #bytes = 0;
  #waitedMs = 0;
  #waitingSinceMs = 0;
  #rest: Uint8Array = EMPTY;
  #ended = false;
  #failure: CloudNodeError | null = null;
  #read: Read | null = null;
  #idle: NodeJS.Timeout | undefined;

  /** @param connect is given what the inlet is to tell */
  constructor(connect: (events: InletEvents) => Inlet | null, pace = PACE) {
    this.#pace = pace;
    this.#inlet = connect({
      data: (chunk) => this.#onData(chunk),
      filled: (bytes) => this.#onFilled(bytes),
      ended: () => this.#onEnd(),
      broken: (reason) => this.#onBroken('the connection was closed', reason),
    });
  }

  static from(stream: Readable, pace?: Pace): ByteSource {
    return new ByteSource((events) => streamInlet(stream, events), pace);
  }

  static of(bytes: Uint8Array): ByteSource {
    const source = new ByteSource(() => null);
    source.#rest = bytes;
    source.#ended = true;
    return source;
  }

  /** Fills the target. @returns how much there was, less than asked for only at the end */
  readInto(target: Uint8Array): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#read = { target, filled: 0, resolve, reject };
      const rest = this.#rest;
      this.#rest = EMPTY;
      this.#take(rest);
      if (this.#read === null) return;
      const { idleMs } = this.#pace;
      this.#waitingSinceMs = performance.now();
      const text = `no byte came for ${idleMs / 1000} s (BODY_IDLE_MS)`;
      this.#idle = setTimeout(() => this.#onBroken(text), idleMs);
      this.#inlet?.open(target.subarray(this.#read.filled));
    });
  }

  async atEnd(): Promise<boolean> {
    if (this.#rest.length > 0) return false;
    const one = new Uint8Array(1);
    return (await this.readInto(one)) === 0;
  }

  /** Stops listening to the body; what is left of it may be discarded by others. */
  release(): void {
    clearTimeout(this.#idle);
    this.#inlet?.release();
  }

  #onData(chunk: Uint8Array): void {
    this.#count(chunk.length);
    this.#take(chunk);
  }

  #onFilled(bytes: number): void {
    this.#count(bytes);
    const read = this.#read;
    if (read === null) return;
    read.filled += bytes;
    this.#look(read);
  }

  #onEnd(): void {
    this.#ended = true;
    this.#take(EMPTY);
  }

  #count(bytes: number): void {
    this.#idle?.refresh();
    this.#bytes += bytes;
    if (this.#read !== null && this.#isTrickle())
      this.#onBroken(`fewer than ${this.#pace.minBytesPerSecond} bytes a second came (BODY_MIN_BYTES)`);
  }

  #onBroken(why: string, cause?: Error): void {
    if (this.#ended || this.#failure !== null) return;
    this.#failure = new CloudNodeError('upload_interrupted', `The body broke off: ${why}.`, { cause });
    this.#take(EMPTY);
  }

  #take(bytes: Uint8Array): void {
    const read = this.#read;
    if (read === null) {
      this.#keep(bytes);
      return;
    }
    const fits = Math.min(bytes.length, read.target.length - read.filled);
    read.target.set(fits === bytes.length ? bytes : bytes.subarray(0, fits), read.filled);
    read.filled += fits;
    this.#look(read);
    if (fits < bytes.length) this.#keep(bytes.subarray(fits));
  }

  #look(read: Read): void {
    const failure = this.#failure;
    if (read.filled === read.target.length || this.#ended) this.#settle(() => read.resolve(read.filled));
    else if (failure !== null) this.#settle(() => read.reject(failure));
  }

  /** A sender is not to blame for the time in which nobody read. */
  #isTrickle(): boolean {
    const waitedMs = this.#waitedMs + performance.now() - this.#waitingSinceMs;
    const { idleMs, minBytesPerSecond } = this.#pace;
    return waitedMs > idleMs && this.#bytes < (waitedMs / 1_000) * minBytesPerSecond;
  }

  #settle(how: () => void): void {
    if (this.#idle !== undefined) this.#waitedMs += performance.now() - this.#waitingSinceMs;
    clearTimeout(this.#idle);
    this.#idle = undefined;
    this.#read = null;
    this.#inlet?.shut();
    how();
  }

  /** A stream may deliver a chunk more after it was told to pause. */
  #keep(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    if (this.#rest.length === 0) {
      this.#rest = bytes;
      return;
    }
    const both = new Uint8Array(this.#rest.length + bytes.length);
    both.set(this.#rest);
    both.set(bytes, this.#rest.length);
    this.#rest = both;
  }
}
