import { atEndOfTurn } from './end-of-turn.js';

interface Batch<Q, A> {
  readonly questions: Q[];
  readonly answers: Promise<readonly A[]>;
}

/**
 * Questions that come in one turn of the event loop and are answered by one command: a hundred Libraries come at once,
 * each with a question of its own, and most of what that costs is the commands. As with {@link SharedReads} it begins
 * after the last of them asked.
 */
export class Gathered<Q, A> {
  readonly #waiting = new Map<string, Batch<Q, A>>();

  /** @param answer gives an answer to each question, in their order; of those with the same key only the first one's is called */
  async ask(
    key: string,
    question: Q,
    answer: (questions: readonly Q[]) => Promise<readonly A[]>,
  ): Promise<A> {
    const batch = this.#waiting.get(key) ?? this.#begin(key, answer);
    const at = batch.questions.push(question) - 1;
    return (await batch.answers)[at] as A;
  }

  #begin(key: string, answer: (questions: readonly Q[]) => Promise<readonly A[]>): Batch<Q, A> {
    const questions: Q[] = [];
    const answers = new Promise<readonly A[]>((resolve) => {
      atEndOfTurn('ask', () => {
        this.#waiting.delete(key);
        resolve(answer(questions));
      });
    });
    const batch = { questions, answers };
    this.#waiting.set(key, batch);
    return batch;
  }
}
