/** Given back and not asked for since: others of its length are not wanted any more. */
const IDLE_MS = 10_000;

/**
 * Memory for bytes that threads may share, used again and again. V8 does not count shared memory as something that it
 * should collect, so there are only so many pieces of it: whoever needs more, or has not given back, gets memory of
 * this thread alone, which V8 counts.
 */
export class SpareMemory {
  readonly #most: number;
  /** What was taken here and is not given back. */
  readonly #given = new WeakSet<Uint8Array>();
  #givenCount = 0;
  /** Whoever forgot one, or failed before it could give it back, did so once and not for ever. */
  readonly #forgotten = new FinalizationRegistry(() => {
    this.#givenCount--;
  });
  /** The one that was given back last is last. */
  readonly #spare: { readonly bytes: Uint8Array; readonly sinceMs: number }[] = [];

  /** `most`: shared pieces in all. */
  constructor(most: number) {
    this.#most = most;
  }

  take(length: number): Uint8Array {
    const found = this.#spare.findLastIndex(({ bytes }) => bytes.length === length);
    const [spare] = found < 0 ? [] : this.#spare.splice(found, 1);
    this.#dropIdle();
    if (spare === undefined && this.#givenCount + this.#spare.length >= this.#most) this.#spare.shift();
    if (spare === undefined && this.#givenCount >= this.#most) return new Uint8Array(length);
    const bytes = spare?.bytes ?? new Uint8Array(new SharedArrayBuffer(length));
    this.#given.add(bytes);
    this.#forgotten.register(bytes, undefined, bytes);
    this.#givenCount++;
    return bytes;
  }

  /** Only when nobody reads or writes it any more. What was not taken here is left alone. */
  giveBack(bytes: Uint8Array): void {
    if (!this.#given.delete(bytes)) return;
    this.#forgotten.unregister(bytes);
    this.#givenCount--;
    this.#spare.push({ bytes, sinceMs: performance.now() });
  }

  #dropIdle(): void {
    const nowMs = performance.now();
    while (this.#spare[0] !== undefined && nowMs - this.#spare[0].sinceMs > IDLE_MS) this.#spare.shift();
  }
}

/** The same bytes, where threads can share them: as they are, or a copy when they are in memory of this thread alone. */
export function inSharedMemory(bytes: Uint8Array): Uint8Array {
  if (bytes.buffer instanceof SharedArrayBuffer) return bytes;
  const shared = new Uint8Array(new SharedArrayBuffer(bytes.length));
  shared.set(bytes);
  return shared;
}
