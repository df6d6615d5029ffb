type Listener<T> = (value: T) => void;

/**
 * A small typed emitter that never throws: what a listener throws is given to the listeners of `error`, so that a
 * mistake in somebody's page cannot stop training.
 */
export class Emitter<Events extends { error: Error }> {
  readonly #listeners = new Map<keyof Events, Set<Listener<never>>>();

  /** Adds a listener. @returns a function that takes it off again */
  on<E extends keyof Events>(event: E, listener: Listener<Events[E]>): () => void {
    const listeners = this.#listeners.get(event) ?? new Set();
    this.#listeners.set(event, listeners.add(listener));
    return () => void listeners.delete(listener);
  }

  protected emit<E extends keyof Events>(event: E, value: Events[E]): void {
    for (const listener of [...(this.#listeners.get(event) ?? [])] as Listener<Events[E]>[]) {
      try {
        listener(value);
      } catch (reason) {
        const error = reason instanceof Error ? reason : new Error(String(reason));
        // An error listener that throws has nobody left to tell.
        if (event !== 'error') this.emit('error', error);
      }
    }
  }
}
