import { csvRecords } from './csv-records.js';
import { dataError, shown, type Place } from './data-error.js';
import { readEncoding, writeEncoding, type TableEncoding } from './encoding.js';
import { isMissing, toNumber } from './field.js';
import { FloatList } from './float-list.js';
import { learnTable } from './learn-table.js';
import type { DataOptions, ReadData } from './options.js';

/**
 * A table with a header row. It is read twice, unless there is an encoding already: what a column holds is known at its
 * end only. Of the text nothing is kept.
 *
 * @throws CliError (usage) with file, line and column
 */
export async function readCsv(file: string, options: DataOptions): Promise<ReadData> {
  const csv = { file, delimiter: delimiterOf(file, options) };
  const known = await readEncoding(options.encoding, 'table');
  const encoding = known ?? (await learnTable(csv, options));
  const inputs = new FloatList();
  const labels = new FloatList();
  const used = encoding.columns
    .map((column, at) => ({ column, at }))
    .filter(({ column }) => column.use !== 'none');
  let skipped = 0;

  const add = (fields: readonly string[], place: Place): void => {
    for (const { column, at } of used) {
      const { name, use, categories, scale } = column;
      const field = fields[at] ?? '';
      if (categories === null) {
        const number = numberOf(field, { ...place, column: name });
        if (use === 'label') labels.push(number);
        else inputs.push(scale === null ? number : (number - scale.subtract) / scale.divideBy);
      } else {
        const category = categoryOf(categories, field, { ...place, column: name });
        if (use === 'label') labels.push(category);
        else categories.forEach((_, k) => inputs.push(k === category ? 1 : 0));
      }
    }
  };

  const begin = (names: readonly string[]): void => checkColumns(file, names, encoding);
  for await (const records of csvRecords(csv, begin)) {
    for (const { line, fields } of records) {
      const gap = used.find(({ at }) => isMissing(fields[at] ?? ''));
      if (gap === undefined) add(fields, { file, line });
      else if (options.skipIncomplete) skipped += 1;
      else throw missing({ file, line, column: gap.column.name });
    }
  }
  if (labels.length === 0) throw dataError({ file }, 'there is no complete row of data.');
  if (known === null) await writeEncoding(options.encoding, encoding);
  return {
    data: {
      inputs: inputs.values(),
      inputShape: [inputs.length / labels.length],
      labels: labels.values(),
      labelShape: [1],
    },
    numExamples: labels.length,
    classes: encoding.columns.find(({ use }) => use === 'label')?.categories ?? null,
    normalisation: describe(encoding),
    skipped,
  };
}

function delimiterOf(file: string, { delimiter }: DataOptions): string {
  return delimiter ?? (/\.tsv$/i.test(file) ? '\t' : ',');
}

function numberOf(field: string, place: Place): number {
  const number = toNumber(field);
  if (number === null) throw dataError(place, `${shown(field)} is no number.`);
  return number;
}

/** A name that the encoding does not know can not be left out silently: the model has no input for it. */
function categoryOf(categories: readonly string[], field: string, place: Place): number {
  const category = categories.indexOf(field.trim());
  if (category >= 0) return category;
  const advice =
    'Libraries of one data set need the same encoding: make it again with this value, and a new model.';
  throw dataError(place, `${shown(field)} is none of the ${categories.length} categories.`, advice);
}

function missing(place: Place): Error {
  const advice = 'Fill it in, leave the column out (--drop), or leave out such rows (--skip-incomplete).';
  return dataError(place, 'the value is missing.', advice);
}

/** Columns are found by position, so they must be the ones that were encoded. */
function checkColumns(file: string, names: readonly string[], { columns }: TableEncoding): void {
  const expected = columns.map(({ name }) => name);
  if (expected.length === names.length && expected.every((name, at) => name === names[at])) return;
  const odd = expected.findIndex((name, at) => name !== names[at]);
  const message = `column ${odd < 0 ? expected.length : odd} (from 0) is not the one of the encoding (${expected.join(', ')}).`;
  throw dataError({ file, line: 1 }, message);
}

function describe({ columns }: TableEncoding): string {
  const inputs = columns.filter(({ use }) => use === 'input');
  const numbers = inputs.filter(({ categories }) => categories === null);
  const scales = new Set(numbers.map(({ scale }) => (scale === null ? 'as they are' : scaleWords(scale))));
  const names = inputs.length - numbers.length;
  return [
    ...(numbers.length > 0 ? [`numbers ${[...scales].join(' and ')}`] : []),
    ...(names > 0 ? [`${names} of ${inputs.length} columns as 0/1 for each category`] : []),
  ].join(', ');
}

function scaleWords({ subtract, divideBy }: { subtract: number; divideBy: number }): string {
  return subtract === 0 ? `divided by ${divideBy}` : 'as (x - mean) / deviation';
}
