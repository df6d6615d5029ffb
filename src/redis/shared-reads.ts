import { atEndOfTurn } from './end-of-turn.js';

/**
 * A read that many ask for in one turn of the event loop is made once for all of them. It begins after the last of them
 * asked, so none is given anything older than a read of his own would have been.
 */
export class SharedReads<T, K = string> {
  readonly #waiting = new Map<K, Promise<T>>();

  /** What `load` gives; of those that ask for the same key in one turn only the first one's is called. */
  read(key: K, load: () => Promise<T>): Promise<T> {
    const found = this.#waiting.get(key);
    if (found !== undefined) return found;
    const reading = new Promise<T>((resolve) => {
      atEndOfTurn('ask', () => {
        this.#waiting.delete(key);
        resolve(load());
      });
    });
    this.#waiting.set(key, reading);
    return reading;
  }
}
