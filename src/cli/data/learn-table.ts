import { csvRecords, type CsvFile } from './csv-records.js';
import { dataError, shown } from './data-error.js';
import { inOrder, type ColumnEncoding, type TableEncoding } from './encoding.js';
import { isMissing, toNumber } from './field.js';
import type { DataOptions, Scale } from './options.js';

/** More are names of people or ids: nothing to learn from. */
const MAX_CATEGORIES = 1_000;

interface Learned {
  readonly name: string;
  readonly use: ColumnEncoding['use'];
  /** Null until a value is seen. */
  isNames: boolean | null;
  readonly names: Set<string>;
  count: number;
  mean: number;
  squares: number;
}

/** Reads a whole file to find out what its columns hold. @throws CliError (usage) with file, line and column */
export async function learnTable(csv: CsvFile, options: DataOptions): Promise<TableEncoding> {
  let columns: Learned[] = [];
  const { categories = [] } = options;
  const begin = (names: readonly string[]): void => {
    const uses = usesOf(csv.file, names, options);
    columns = names.map((name, at) => ({
      name,
      use: uses[at] ?? 'none',
      isNames: categories.includes(name) ? true : null,
      names: new Set(),
      count: 0,
      mean: 0,
      squares: 0,
    }));
  };
  for await (const records of csvRecords(csv, begin)) {
    for (const { line, fields } of records) {
      columns.forEach((column, at) => learn(column, fields[at] ?? '', { file: csv.file, line }));
    }
  }
  if (columns.every(({ isNames, use }) => use === 'none' || isNames === null)) {
    throw dataError({ file: csv.file }, 'there is no row of data.');
  }
  return { v: 1, kind: 'table', columns: columns.map((column) => encode(column, options.scale)) };
}

function learn(column: Learned, field: string, place: { file: string; line: number }): void {
  if (column.use === 'none' || isMissing(field)) return;
  const number = toNumber(field);
  column.isNames ??= number === null;
  if (column.isNames) {
    column.names.add(field.trim());
    if (column.names.size <= MAX_CATEGORIES) return;
    const message = `more than ${MAX_CATEGORIES} different names.`;
    throw dataError({ ...place, column: column.name }, message, `Leave it out: --drop "${column.name}".`);
  }
  if (number === null) {
    const advice = `If its numbers are names of something: --categories "${column.name}".`;
    throw dataError({ ...place, column: column.name }, `${shown(field)} is no number.`, advice);
  }
  // Welford: one pass, without the cancellation of a sum of squares.
  column.count += 1;
  const before = number - column.mean;
  column.mean += before / column.count;
  column.squares += before * (number - column.mean);
}

function encode(column: Learned, scale: Scale = 'none'): ColumnEncoding {
  const { name, use, isNames, names } = column;
  if (isNames === true) return { name, use, categories: inOrder(names), scale: null };
  const isScaled = use === 'input' && column.count > 0;
  return { name, use, categories: null, scale: isScaled ? scaleOf(column, scale) : null };
}

function scaleOf({ count, mean, squares }: Learned, scale: Scale): ColumnEncoding['scale'] {
  if (scale === 'none') return null;
  if (scale === '255') return { subtract: 0, divideBy: 255 };
  // A column that is always the same becomes 0.
  return { subtract: mean, divideBy: Math.sqrt(squares / count) || 1 };
}

/** @throws CliError (usage) when an option names a column that is not there */
function usesOf(
  file: string,
  names: readonly string[],
  { label = '-1', drop = [], categories = [] }: DataOptions,
): ColumnEncoding['use'][] {
  const place = { file, line: 1 };
  const unknown = [...drop, ...categories].find((name) => !names.includes(name));
  if (unknown !== undefined) throw dataError(place, `there is no column "${unknown}"; ${listed(names)}`);
  const index = /^-?\d+$/.test(label) ? Number(label) : Number.NaN;
  const at = names.includes(label) ? names.indexOf(label) : index < 0 ? names.length + index : index;
  const labelName = names[at];
  if (labelName === undefined) {
    throw dataError(place, `there is no column "${label}" for the label; ${listed(names)}`);
  }
  if (drop.includes(labelName)) throw dataError(place, `column "${labelName}" is the label and dropped.`);
  const uses = names.map((name, i) => (i === at ? 'label' : drop.includes(name) ? 'none' : 'input'));
  if (!uses.includes('input')) throw dataError(place, 'no column is left as an input.');
  return uses;
}

function listed(names: readonly string[]): string {
  const more = names.length > 20 ? `, … (${names.length} in all)` : '';
  return `there are ${names.slice(0, 20).join(', ')}${more}.`;
}
