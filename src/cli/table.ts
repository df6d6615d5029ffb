import { padEnd, padStart, truncate, visibleLength, type Style } from './style.js';

export interface Column<Row> {
  readonly title: string;
  readonly value: (row: Row) => string;
  /** Numbers read best with their last digits under each other. */
  readonly align?: 'left' | 'right';
}

export interface TableOptions {
  readonly style: Style;
  /** Columns of the terminal; longer lines are cut. Absent: nothing is cut, for files and pipes. */
  readonly width?: number | undefined;
  /** Said instead of a table without rows. */
  readonly empty: string;
}

/** Aligned columns under their titles, two spaces between them, without lines or boxes. */
export function renderTable<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  options: TableOptions,
): string[] {
  if (rows.length === 0) return [options.style.dim(options.empty)];
  const cells = rows.map((row) => columns.map((column) => column.value(row)));
  const widths = columns.map(({ title }, at) =>
    Math.max(visibleLength(title), ...cells.map((line) => visibleLength(line[at] ?? ''))),
  );
  const line = (texts: readonly string[]): string => {
    const padded = texts.map((text, at) => {
      const pad = columns[at]?.align === 'right' ? padStart : padEnd;
      return pad(text, widths[at] ?? 0);
    });
    const whole = padded.join('  ').replace(/ +$/, '');
    return options.width === undefined ? whole : truncate(whole, options.width);
  };
  return [options.style.dim(line(columns.map((column) => column.title.toUpperCase()))), ...cells.map(line)];
}

/** Names and what they are, under each other. */
export function renderFields(fields: readonly (readonly [string, string])[], style: Style): string[] {
  const width = Math.max(...fields.map(([name]) => name.length));
  return fields.map(([name, value]) => `${style.dim(padEnd(name, width))}  ${value}`);
}
