import type { LoggedEvent, SessionView } from '../../protocol/http.js';
import { pointsOf, pointsOfRound, pointsOfScore, type MetricPoint } from './points.js';
import type { Tracker } from './tracker.js';

/** Writes a session to one tracker while it runs, beside whatever else the events are for. */
export class Recording {
  readonly #tracker: Tracker;
  readonly #session: SessionView;
  readonly #onTrouble: (error: Error) => void;
  #pending: MetricPoint[] = [];
  #writing: Promise<void> | null = null;
  #inTrouble = false;

  private constructor(tracker: Tracker, session: SessionView, onTrouble: (error: Error) => void) {
    this.#tracker = tracker;
    this.#session = session;
    this.#onTrouble = onTrouble;
  }

  /**
   * Begins with what is known already.
   * @param onTrouble told once when writing begins to fail; what is not written is tried again with the next round
   * @throws what the tracker throws
   */
  static async begin(
    tracker: Tracker,
    session: SessionView,
    onTrouble: (error: Error) => void,
  ): Promise<Recording> {
    await tracker.write(pointsOf(session));
    return new Recording(tracker, session, onTrouble);
  }

  /** Returns at once: a slow tracker holds up nobody who looks on. */
  see({ event, atMs }: LoggedEvent): void {
    if (event.type === 'round.published') {
      this.#pending.push(...pointsOfRound(event.summary, this.#session));
    } else if (event.type === 'version.scored') {
      this.#pending.push(...pointsOfScore(event, atMs));
    } else return;
    this.#writing ??= this.#write();
  }

  /**
   * Writes what is still missing of the session as it ended.
   * @throws what the tracker throws
   */
  async finish(view: SessionView): Promise<void> {
    await this.#writing;
    await this.#tracker.write(pointsOf(view));
    await this.#tracker.end(view);
  }

  async #write(): Promise<void> {
    while (this.#pending.length > 0) {
      const points = this.#pending;
      this.#pending = [];
      try {
        await this.#tracker.write(points);
        this.#inTrouble = false;
      } catch (error) {
        this.#pending = [...points, ...this.#pending];
        if (!this.#inTrouble) this.#onTrouble(error as Error);
        this.#inTrouble = true;
        break;
      }
    }
    this.#writing = null;
  }
}

/** The same events, of which each recording has seen every one that came out. */
export async function* recorded(
  events: AsyncIterable<LoggedEvent>,
  recordings: readonly Recording[],
): AsyncGenerator<LoggedEvent> {
  for await (const logged of events) {
    for (const recording of recordings) recording.see(logged);
    yield logged;
  }
}
