import { metrics } from '../../src/telemetry/metrics.js';

/** What a job added up; it returns this to the process, which counts it. */
export interface Folded {
  bytes: number;
  seconds: number;
}

/** Runs what adds up `bytes`, and takes the time of it. */
export function folding(folded: Folded, bytes: number, run: () => void): void {
  const startedMs = performance.now();
  run();
  folded.bytes += bytes;
  folded.seconds += (performance.now() - startedMs) / 1_000;
}

/** A job of another release may return something else, or nothing. */
export function countFolded(result: unknown): void {
  const { bytes, seconds } = (result ?? {}) as Partial<Record<keyof Folded, unknown>>;
  if (typeof bytes !== 'number' || typeof seconds !== 'number') return;
  metrics.foldedBytes.inc(bytes);
  metrics.foldSeconds.inc(seconds);
}
