import { metrics } from '../../src/telemetry/metrics.js';

/** What a job added up. */
export interface Folded {
  bytes: number;
  seconds: number;
}

export function countFolded({ bytes, seconds }: Folded): void {
  metrics.foldedBytes.inc(bytes);
  metrics.foldSeconds.inc(seconds);
}
