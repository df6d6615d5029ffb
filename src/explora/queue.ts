/** Turns pushes into an async iteration: what came before a failure is still delivered. */
export class Queue<T> implements AsyncIterable<T> {
  readonly #items: T[] = [];
  #end: { error: unknown } | 'ended' | null = null;
  #wake: () => void = () => {};

  push(item: T): void {
    this.#items.push(item);
    this.#wake();
  }

  /** No more will come. */
  end(): void {
    this.#end ??= 'ended';
    this.#wake();
  }

  /** The iteration throws `error` after what is there. */
  fail(error: unknown): void {
    this.#end ??= { error };
    this.#wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T> {
    for (;;) {
      while (this.#items.length > 0) yield this.#items.shift() as T;
      if (this.#end === 'ended') return;
      if (this.#end !== null) throw this.#end.error;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }
}
