import { createReadStream } from 'node:fs';
import { CsvParser, type CsvRecord } from './csv-parser.js';
import { dataError } from './data-error.js';

const READ_BYTES = 1_048_576;

export interface CsvFile {
  readonly file: string;
  readonly delimiter: string;
}

/**
 * The records of a file after its header, in batches, read as they are asked for: the file may be larger than memory.
 *
 * @param onHeader told the names of the columns first
 * @throws CliError (usage) with file and line
 */
export async function* csvRecords(
  { file, delimiter }: CsvFile,
  onHeader: (names: readonly string[]) => void,
): AsyncGenerator<readonly CsvRecord[]> {
  const parser = new CsvParser(file, delimiter);
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let width: number | null = null;
  const checked = (records: CsvRecord[]): readonly CsvRecord[] => {
    const rest = width === null ? records.slice(1) : records;
    if (width === null && records[0] !== undefined) {
      const names = records[0].fields.map((name) => name.trim());
      width = names.length;
      checkNames(file, names, delimiter);
      onHeader(names);
    }
    const odd = rest.find(({ fields }) => fields.length !== width);
    if (odd === undefined) return rest;
    const message = `${odd.fields.length} fields, but the header names ${width} columns.`;
    throw dataError({ file, line: odd.line }, message);
  };
  try {
    for await (const bytes of createReadStream(file, { highWaterMark: READ_BYTES })) {
      yield checked(parser.push(decoder.decode(bytes as Buffer, { stream: true })));
    }
    yield checked(parser.push(decoder.decode()));
  } catch (error) {
    throw readable(file, error);
  }
  yield checked(parser.end());
}

function checkNames(file: string, names: readonly string[], delimiter: string): void {
  const place = { file, line: 1 };
  if (names.length < 2) {
    const advice = 'For another delimiter: --delimiter ";" or --delimiter tab.';
    throw dataError(place, `one column only, with ${JSON.stringify(delimiter)} between columns.`, advice);
  }
  const empty = names.indexOf('');
  if (empty >= 0) throw dataError(place, `column ${empty} (from 0) has no name.`);
  const twice = names.find((name, at) => names.indexOf(name) !== at);
  if (twice !== undefined) throw dataError(place, `two columns are named "${twice}".`);
}

function readable(file: string, error: unknown): unknown {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ERR_ENCODING_INVALID_ENCODED_DATA') return dataError({ file }, 'this is not UTF-8.');
  const isSystem = typeof code === 'string' && /^E[A-Z]+$/.test(code);
  return isSystem ? dataError({ file }, `cannot be read (${message}).`) : error;
}
