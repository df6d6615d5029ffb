import type { Readable } from 'node:stream';
import { CloudNodeError } from '../../protocol/errors.js';

/** A body that stands still for longer is given up. */
const IDLE_MS = 30_000;
const EMPTY = new Uint8Array(0);

/** Reads a stream in pieces of any size, never more than is asked for: the sender waits meanwhile. */
export class ByteSource {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #chunk: Uint8Array = EMPTY;
  #ended = false;

  private constructor(chunks: AsyncIterator<Uint8Array>) {
    this.#chunks = chunks;
  }

  /** Leaves the stream alone when it is given up, so that an answer can still be written to its connection. */
  static from(stream: Readable): ByteSource {
    return new ByteSource(stream.iterator({ destroyOnReturn: false }));
  }

  static of(bytes: Uint8Array): ByteSource {
    const source = new ByteSource({ next: () => Promise.resolve({ done: true, value: undefined }) });
    source.#chunk = bytes;
    return source;
  }

  /** Fills the target. @returns how much there was, less than asked for only at the end */
  async readInto(target: Uint8Array): Promise<number> {
    let filled = 0;
    while (filled < target.length) {
      if (this.#chunk.length === 0 && !(await this.#next())) break;
      const part = this.#chunk.subarray(0, target.length - filled);
      target.set(part, filled);
      filled += part.length;
      this.#chunk = this.#chunk.subarray(part.length);
    }
    return filled;
  }

  async atEnd(): Promise<boolean> {
    return this.#chunk.length === 0 && !(await this.#next());
  }

  /** Stops listening to the stream; what is left in it may be discarded by others. */
  async release(): Promise<void> {
    await this.#chunks.return?.().catch(() => undefined);
  }

  async #next(): Promise<boolean> {
    while (!this.#ended) {
      const { done, value } = await this.#nextChunk();
      if (done === true) this.#ended = true;
      else if (value.length > 0) {
        // A plain view: subarray of a Buffer is slower.
        this.#chunk = new Uint8Array(value.buffer, value.byteOffset, value.length);
        return true;
      }
    }
    return false;
  }

  async #nextChunk(): Promise<IteratorResult<Uint8Array, undefined>> {
    let timer: NodeJS.Timeout | undefined;
    const idle = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(brokenOff(`no byte came for ${IDLE_MS / 1000} s`)), IDLE_MS);
    });
    const next = this.#chunks.next() as Promise<IteratorResult<Uint8Array, undefined>>;
    try {
      return await Promise.race([next, idle]);
    } catch (error) {
      next.catch(() => undefined);
      this.#ended = true;
      throw error instanceof CloudNodeError ? error : brokenOff('the connection was closed', error);
    } finally {
      clearTimeout(timer);
    }
  }
}

function brokenOff(why: string, cause?: unknown): CloudNodeError {
  return new CloudNodeError('upload_interrupted', `The body broke off: ${why}.`, { cause });
}
