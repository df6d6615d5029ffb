import { accuracyFirst, duration, metric } from '../format.js';
import { scoreOf, type Progress } from './progress.js';
import type { Style } from '../style.js';

/** Says each round once, in one line, when it and its test score are there. For logs and pipes. */
export class RoundLines {
  readonly #style: Style;
  #saidRound = 0;
  #saidNotes = 0;

  constructor(style: Style) {
    this.#style = style;
  }

  /** The lines that became due. The score of a version comes a little after it: its line waits, but not for ever. */
  take(progress: Progress, ended: boolean): string[] {
    const lines = progress.notes.slice(this.#saidNotes).map((note) => this.#style.yellow(`! ${note}`));
    this.#saidNotes = progress.notes.length;
    const newest = progress.rounds.at(-1)?.round ?? 0;
    for (const summary of progress.rounds) {
      const { round } = summary;
      if (round <= this.#saidRound) continue;
      const score = scoreOf(progress, round);
      const overdue = ended || newest > round + 1 || progress.scores.some(({ version }) => version > round);
      if (score === null && !overdue) break;
      this.#saidRound = round;
      const tested = score === null ? 'not scored' : accuracyFirst(score).map(named('test')).join('  ');
      const trained = Object.entries(summary.metrics)
        .filter(([name]) => name === 'loss')
        .map(named('training'));
      lines.push(
        [
          `round ${String(round).padStart(String(progress.maxRounds).length)}/${progress.maxRounds}`,
          `${summary.updates} of ${summary.selected} updates`,
          duration(summary.publishedMs - summary.openedMs),
          tested,
          ...trained,
        ].join('  '),
      );
    }
    return lines;
  }
}

function named(where: string): (entry: readonly [string, number]) => string {
  return ([name, value]) => `${where} ${name} ${metric(name, value)}`;
}
