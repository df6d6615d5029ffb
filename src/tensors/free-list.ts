/** Everything begins at a multiple of this: a cache line. */
const ALIGN_BYTES = 64;

interface Span {
  at: number;
  bytes: number;
}

/** Which parts of a memory are free: first fit, neighbours merged when they are given back. */
export class FreeList {
  #free: Span[];
  #freeBytes: number;

  constructor(from: number, to: number) {
    const at = roundUp(from);
    // What does not fill a line at the end is never given away.
    const bytes = Math.floor((to - at) / ALIGN_BYTES) * ALIGN_BYTES;
    this.#free = [{ at, bytes }];
    this.#freeBytes = bytes;
  }

  get freeBytes(): number {
    return this.#freeBytes;
  }

  /** @returns where, or null when no free part is large enough */
  take(bytes: number): number | null {
    const wanted = roundUp(bytes);
    const index = this.#free.findIndex((span) => span.bytes >= wanted);
    const span = this.#free[index];
    if (span === undefined) return null;
    const { at } = span;
    span.at += wanted;
    span.bytes -= wanted;
    if (span.bytes === 0) this.#free.splice(index, 1);
    this.#freeBytes -= wanted;
    return at;
  }

  /** What was taken with the same number of bytes, and only once. */
  giveBack(at: number, bytes: number): void {
    const given = { at, bytes: roundUp(bytes) };
    this.#freeBytes += given.bytes;
    const after = this.#free.findIndex((span) => span.at > at);
    const index = after < 0 ? this.#free.length : after;
    const before = this.#free[index - 1];
    const next = this.#free[index];
    if (next !== undefined && given.at + given.bytes === next.at) {
      given.bytes += next.bytes;
      this.#free.splice(index, 1);
    }
    if (before !== undefined && before.at + before.bytes === given.at) before.bytes += given.bytes;
    else this.#free.splice(index, 0, given);
  }
}

function roundUp(bytes: number): number {
  return Math.ceil(bytes / ALIGN_BYTES) * ALIGN_BYTES;
}
