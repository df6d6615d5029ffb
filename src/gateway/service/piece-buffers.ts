/** Memory for pieces of a fixed size, used again and again: uploads leave no garbage behind. */
export class PieceBuffers {
  readonly #bytes: number;
  readonly #maxIdle: number;
  readonly #idle: Uint8Array[] = [];

  constructor(options: { bytes: number; maxIdle: number }) {
    this.#bytes = options.bytes;
    this.#maxIdle = options.maxIdle;
  }

  take(bytes: number): Uint8Array {
    const idle = bytes === this.#bytes ? this.#idle.pop() : undefined;
    return idle ?? Buffer.allocUnsafeSlow(bytes);
  }

  /** Only when nobody reads or writes it any more. */
  giveBack(buffer: Uint8Array): void {
    if (buffer.length === this.#bytes && this.#idle.length < this.#maxIdle) this.#idle.push(buffer);
  }
}
