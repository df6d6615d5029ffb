import type { Job } from './job.js';
import type { Metrics, SessionRecord } from './session.js';

/** Loss-like metrics get better by falling. */
export function isBetter(metric: string, value: number, than: number): boolean {
  return lowerIsBetter(metric) ? value < than : value > than;
}

export function lowerIsBetter(metric: string): boolean {
  return /loss|error|crossentropy|mse|mae/i.test(metric);
}

/** What the job watches: its target's metric, or the loss. */
export function watchedMetric(job: Job): string {
  return job.termination.target?.metric ?? 'loss';
}

/** A score of one model version, wherever it was measured. */
export interface Score {
  readonly version: number;
  readonly metrics: Metrics;
}

/** The best version so far, after one more score. */
export function updateBest(
  job: Job,
  best: SessionRecord['best'],
  score: Score | null,
): SessionRecord['best'] {
  const value = score?.metrics[watchedMetric(job)];
  if (score === null || value === undefined || !Number.isFinite(value)) return best;
  if (best !== null && !isBetter(watchedMetric(job), value, best.value)) return best;
  return { value, version: score.version };
}

/** Why the session is done after `version`, or null to go on. */
export function terminationReason(job: Job, version: number, best: SessionRecord['best']): string | null {
  const { maxRounds, target, patience } = job.termination;
  if (version >= maxRounds) return `all ${maxRounds} rounds done`;
  if (target !== null && best !== null && !isBetter(target.metric, target.value, best.value)) {
    return `target reached: ${target.metric} ${best.value.toFixed(4)} in version ${best.version}`;
  }
  if (patience !== null && best !== null && version - best.version >= patience) {
    return `no better ${watchedMetric(job)} for ${patience} rounds`;
  }
  return null;
}
