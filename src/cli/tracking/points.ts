import { payloadBytes } from '../../core/encoding.js';
import type { Metrics, RoundSummary } from '../../core/session.js';
import type { Score } from '../../core/termination.js';
import type { SessionView } from '../../protocol/http.js';

/** One value of one metric: what every tracker stores. */
export interface MetricPoint {
  /** `train/loss`, `libraries/accuracy`, `pool/loss`, `round/seconds`, …: docs/tracking.md has them all. */
  readonly name: string;
  /** The version that it is about; version n is made in round n. */
  readonly step: number;
  readonly value: number;
  readonly atMs: number;
}

/** What a published round tells. Its `evaluation` is about the version that the Libraries started from. */
export function pointsOfRound(
  summary: RoundSummary,
  { job, geometry }: Pick<SessionView, 'job' | 'geometry'>,
): MetricPoint[] {
  const { round, updates, selected, totalExamples, openedMs, publishedMs } = summary;
  const own = {
    updates,
    selected,
    examples: totalExamples,
    seconds: (publishedMs - openedMs) / 1000,
    bytes: updates * payloadBytes(job.update.encoding, geometry),
  };
  return [
    ...points('round', own, round, publishedMs),
    ...points('train', summary.metrics, round, publishedMs),
    ...points('libraries', summary.evaluation ?? {}, round - 1, publishedMs),
  ];
}

/** The pool's own score of a version, on the test set. */
export function pointsOfScore({ version, metrics }: Score, atMs: number): MetricPoint[] {
  return points('pool', metrics, version, atMs);
}

/** All that is known of a session. It does not say when a version was scored: a score has the time of its version. */
export function pointsOf(view: SessionView): MetricPoint[] {
  const publishedMs = new Map(view.history.map((summary) => [summary.round, summary.publishedMs]));
  return [
    ...view.history.flatMap((summary) => pointsOfRound(summary, view)),
    ...view.scores.flatMap((score) => pointsOfScore(score, publishedMs.get(score.version) ?? view.createdMs)),
  ];
}

/** A point is written once: name and step tell it from the others. */
export function pointKey({ name, step }: Pick<MetricPoint, 'name' | 'step'>): string {
  return `${step} ${name}`;
}

function points(group: string, metrics: Metrics, step: number, atMs: number): MetricPoint[] {
  const named = new Map(
    Object.entries(metrics).map(([name, value]) => [`${group}/${safeName(name)}`, value]),
  );
  return [...named].map(([name, value]) => ({ name, step, value, atMs }));
}

/** Libraries name their metrics as they like; MLflow refuses a whole batch for one name with other characters. */
function safeName(name: string): string {
  return name.replace(/[^\w.\- ]|^\./g, '_');
}
