import type { Receiver } from '../../net/read-into.js';

/** From here on a reply is large: the parser of a client would put it together from chunks of 64 KiB. */
export const LARGE_BYTES = 64 * 1024;

const EMPTY = new Uint8Array(0);
const [LINE_FEED, BULK, ARRAY] = [0x0a, 0x24, 0x2a];
const TYPES = new Set([...'+-:$*'].map((type) => type.charCodeAt(0)));

export interface ScannedReplies {
  /** Memory for a large value. */
  allocate(bytes: number): Uint8Array;
  /** Bytes for the parser; in memory that is used again. */
  pass(bytes: Uint8Array): void;
  /** A large value, whole. @returns what the parser is given in its place */
  large(value: Uint8Array): string;
  /** What came is not RESP2: nothing after it can be understood. */
  unknown(): void;
}

/**
 * Follows the replies on a connection (RESP2, https://redis.io/docs/latest/develop/reference/protocol-spec/) just far
 * enough to know where each begins. A large value that is a whole reply is read straight into memory of its own.
 */
export class ReplyScanner implements Receiver {
  readonly #to: ScannedReplies;
  /** The beginning of a line of which the rest did not come yet. */
  #held: Uint8Array = EMPTY;
  /** Elements of this reply that are still to come; a plain reply is one. */
  #elements = 1;
  #isNested = false;
  /** Bytes of a small value, with its end of line. */
  #small = 0;
  #large: Uint8Array | null = null;
  #filled = 0;
  /** Of the end of line behind a large value. */
  #dropped = 0;

  constructor(to: ScannedReplies) {
    this.#to = to;
  }

  room(): Uint8Array | null {
    return this.#large?.subarray(this.#filled) ?? null;
  }

  received(bytes: Uint8Array, inPlace: boolean): boolean {
    if (inPlace) this.#grow(bytes.length);
    else for (let rest = bytes; rest.length > 0;) rest = this.#take(rest);
    return true;
  }

  /** Takes what belongs together from the beginning. @returns the rest */
  #take(bytes: Uint8Array): Uint8Array {
    if (this.#large !== null) {
      const part = bytes.subarray(0, this.#large.length - this.#filled);
      this.#large.set(part, this.#filled);
      this.#grow(part.length);
      return bytes.subarray(part.length);
    }
    if (this.#dropped > 0) {
      const length = Math.min(this.#dropped, bytes.length);
      this.#dropped -= length;
      return bytes.subarray(length);
    }
    if (this.#small > 0) {
      const part = bytes.subarray(0, this.#small);
      this.#small -= part.length;
      this.#to.pass(part);
      if (this.#small === 0) this.#endElement();
      return bytes.subarray(part.length);
    }
    const end = bytes.indexOf(LINE_FEED) + 1;
    const line = Buffer.concat([this.#held, end === 0 ? bytes : bytes.subarray(0, end)]);
    this.#held = end === 0 ? line : EMPTY;
    if (end === 0) return EMPTY;
    this.#takeLine(line);
    return bytes.subarray(end);
  }

  #takeLine(line: Buffer): void {
    const type = line[0] ?? 0;
    if (!TYPES.has(type)) return this.#to.unknown();
    const count = type === BULK || type === ARRAY ? Number(line.toString('latin1', 1)) : 0;
    if (type === BULK && count >= LARGE_BYTES && !this.#isNested) {
      this.#large = this.#to.allocate(count);
      this.#filled = 0;
      return;
    }
    this.#to.pass(line);
    if (type === BULK && count >= 0) {
      this.#small = count + 2;
      return;
    }
    if (type === ARRAY && count > 0) {
      this.#elements += count;
      this.#isNested = true;
    }
    this.#endElement();
  }

  #grow(bytes: number): void {
    this.#filled += bytes;
    if (this.#large === null || this.#filled < this.#large.length) return;
    const name = this.#to.large(this.#large);
    this.#large = null;
    this.#dropped = 2;
    this.#to.pass(Buffer.from(`$${Buffer.byteLength(name)}\r\n${name}\r\n`));
    this.#endElement();
  }

  #endElement(): void {
    if (--this.#elements > 0) return;
    this.#elements = 1;
    this.#isNested = false;
  }
}
