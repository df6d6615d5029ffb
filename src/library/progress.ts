import type { Metrics } from './trainer.js';

export interface ProgressReport {
  readonly epoch: number;
  readonly epochs: number;
  readonly metrics: Metrics;
}

const AT_MOST_EVERY_MS = 1_000;

/** Passes reports on, at most one a second: a small data set has thousands of epochs in that time. */
export class Progress {
  readonly #show: (report: ProgressReport) => void;
  #shownMs = -Infinity;

  constructor(show: (report: ProgressReport) => void) {
    this.#show = show;
  }

  report(report: ProgressReport): void {
    const nowMs = Date.now();
    if (nowMs - this.#shownMs < AT_MOST_EVERY_MS) return;
    this.#shownMs = nowMs;
    this.#show(report);
  }
}
