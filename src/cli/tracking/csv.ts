import { rename, writeFile } from 'node:fs/promises';
import { notWritable } from './not-writable.js';
import type { MetricPoint } from './points.js';
import type { Tracker } from './tracker.js';

/**
 * A table with a row a version and a column a metric, written anew each time: scores come later than what else a row
 * says, and may bring a new column. A reader never finds half of it.
 */
export function openCsv(file: string): Tracker {
  const rows = new Map<number, Map<string, number>>();
  return {
    label: `CSV: ${file}`,
    async write(points) {
      for (const { name, step, value } of points) {
        rows.set(step, (rows.get(step) ?? new Map<string, number>()).set(name, value));
      }
      try {
        await writeFile(`${file}.part`, tableOf(rows));
        await rename(`${file}.part`, file);
      } catch (error) {
        throw notWritable(file, error);
      }
    },
    end: () => Promise.resolve(),
  };
}

function tableOf(rows: ReadonlyMap<number, ReadonlyMap<string, MetricPoint['value']>>): string {
  const names = [...new Set([...rows.values()].flatMap((row) => [...row.keys()]))].sort();
  const lines = [...rows]
    .sort(([a], [b]) => a - b)
    .map(([step, row]) => [step, ...names.map((name) => row.get(name) ?? '')].join(','));
  return `${['version', ...names].join(',')}\n${lines.map((line) => `${line}\n`).join('')}`;
}
