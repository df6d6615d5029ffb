import type { Metrics } from './session.js';

export interface Weighted {
  readonly numExamples: number;
  readonly metrics: Metrics | null;
}

/**
 * Mean of each metric weighted by numExamples, over those that report it. Summed in the order of
 * `numExamples` and value, so the arrival order of updates does not show in the last digit.
 */
export function weightedMetrics(reports: readonly Weighted[]): Metrics | null {
  const columns = new Map<string, { weight: number; value: number }[]>();
  for (const { numExamples, metrics } of reports) {
    for (const [name, value] of Object.entries(metrics ?? {})) {
      const column = columns.get(name) ?? [];
      column.push({ weight: numExamples, value });
      columns.set(name, column);
    }
  }
  if (columns.size === 0) return null;
  return Object.fromEntries(
    [...columns].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, column]) => [name, mean(column)]),
  );
}

function mean(column: { weight: number; value: number }[]): number {
  column.sort((a, b) => a.weight - b.weight || a.value - b.value);
  let sum = 0;
  let weights = 0;
  for (const { weight, value } of column) {
    sum += weight * value;
    weights += weight;
  }
  return weights === 0 ? 0 : sum / weights;
}
