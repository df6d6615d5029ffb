import type { Readable } from 'node:stream';
import { CloudNodeError } from '../../protocol/errors.js';

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
 * Reads a stream in pieces of any size, never much more than is asked for: the sender waits meanwhile. Chunks are
 * copied straight to where they are wanted; there is a promise for each piece, not for each chunk.
 */
export class ByteSource {
  readonly #stream: Readable | null;
  readonly #pace: Pace;
  #bytes = 0;
  #waitedMs = 0;
  #waitingSinceMs = 0;
  #rest: Uint8Array;
  #ended: boolean;
  #failure: CloudNodeError | null = null;
  #read: Read | null = null;
  #idle: NodeJS.Timeout | undefined;

  private constructor(stream: Readable | null, rest: Uint8Array, pace = PACE) {
    this.#stream = stream;
    this.#pace = pace;
    this.#rest = rest;
    this.#ended = stream === null;
  }

  /** Leaves the stream alone when it is given up, so that an answer can still be written to its connection. */
  static from(stream: Readable, pace?: Pace): ByteSource {
    const source = new ByteSource(stream, EMPTY, pace);
    stream.on('data', source.#onData).on('end', source.#onEnd);
    stream.on('error', source.#onBroken).on('close', source.#onBroken).pause();
    if (stream.readableEnded) source.#onEnd();
    else if (stream.destroyed) source.#onBroken();
    return source;
  }

  static of(bytes: Uint8Array): ByteSource {
    return new ByteSource(null, bytes);
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
      this.#idle = setTimeout(
        () => this.#onBroken(`no byte came for ${idleMs / 1000} s (BODY_IDLE_MS)`),
        idleMs,
      );
      this.#stream?.resume();
    });
  }

  async atEnd(): Promise<boolean> {
    if (this.#rest.length > 0) return false;
    const one = new Uint8Array(1);
    return (await this.readInto(one)) === 0;
  }

  /** Stops listening to the stream; what is left in it may be discarded by others. */
  release(): void {
    clearTimeout(this.#idle);
    this.#stream?.off('data', this.#onData).off('end', this.#onEnd).off('close', this.#onBroken);
    // What else goes wrong with it is nobody's affair any more, but must not end the process.
    this.#stream?.off('error', this.#onBroken).on('error', () => undefined);
    this.#stream?.pause();
  }

  readonly #onData = (chunk: Uint8Array): void => {
    this.#idle?.refresh();
    this.#bytes += chunk.length;
    if (this.#read !== null && this.#isTrickle())
      this.#onBroken(`fewer than ${this.#pace.minBytesPerSecond} bytes a second came (BODY_MIN_BYTES)`);
    // A plain view: subarray of a Buffer is slower.
    this.#take(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.length));
  };

  readonly #onEnd = (): void => {
    this.#ended = true;
    this.#take(EMPTY);
  };

  readonly #onBroken = (reason?: unknown): void => {
    if (this.#ended || this.#failure !== null) return;
    const why = typeof reason === 'string' ? reason : 'the connection was closed';
    this.#failure = new CloudNodeError('upload_interrupted', `The body broke off: ${why}.`, {
      cause: reason instanceof Error ? reason : undefined,
    });
    this.#take(EMPTY);
  };

  #take(bytes: Uint8Array): void {
    const read = this.#read;
    if (read === null) {
      this.#keep(bytes);
      return;
    }
    const fits = Math.min(bytes.length, read.target.length - read.filled);
    read.target.set(fits === bytes.length ? bytes : bytes.subarray(0, fits), read.filled);
    read.filled += fits;
    if (read.filled === read.target.length || this.#ended) this.#settle(() => read.resolve(read.filled));
    else if (this.#failure !== null) this.#settle(() => read.reject(this.#failure as CloudNodeError));
    if (fits < bytes.length) this.#keep(bytes.subarray(fits));
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
    this.#stream?.pause();
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
