import { dataError } from './data-error.js';

export interface CsvRecord {
  /** Where it begins: quoted fields may have line breaks. */
  readonly line: number;
  readonly fields: readonly string[];
}

const QUOTE = 0x22;
const LF = 0x0a;
const CR = 0x0d;
/** A quote that is never closed would otherwise take the rest of the file for one field. */
const MAX_FIELD_CHARS = 1_048_576;

/** Cuts text into records by RFC 4180, in pieces as they come: nothing but an unfinished record is kept. */
export class CsvParser {
  readonly #file: string;
  readonly #delimiter: number;
  #state: 'start' | 'plain' | 'quoted' | 'closed' = 'start';
  #fields: string[] = [];
  #field = '';
  #line = 1;
  #beganAt = 1;

  constructor(file: string, delimiter: string) {
    this.#file = file;
    this.#delimiter = delimiter.charCodeAt(0);
  }

  /** @throws CliError (usage) with file and line */
  push(text: string): CsvRecord[] {
    const records: CsvRecord[] = [];
    let from = 0;
    const take = (to: number): void => {
      this.#field += text.slice(from, to);
    };
    for (let i = 0; i < text.length; i++) {
      const char = text.charCodeAt(i);
      if (this.#state === 'start') {
        if (char === QUOTE) {
          this.#state = 'quoted';
          from = i + 1;
          continue;
        }
        this.#state = 'plain';
        from = i;
      }
      if (this.#state === 'quoted') {
        if (char === LF) this.#line += 1;
        if (char !== QUOTE) continue;
        take(i);
        this.#state = 'closed';
      } else if (char === this.#delimiter || char === LF) {
        if (this.#state === 'plain') take(i);
        this.#endField();
        if (char === LF) this.#endRecord(records);
      } else if (this.#state === 'closed') {
        if (char === QUOTE) {
          this.#field += '"';
          this.#state = 'quoted';
          from = i + 1;
        } else if (char !== CR) {
          throw this.#error('there is text after a closing quote; write "" for a quote inside quotes.');
        }
      }
    }
    if (this.#state === 'plain' || this.#state === 'quoted') take(text.length);
    if (this.#field.length > MAX_FIELD_CHARS) {
      throw this.#error('a field has more than 1 MiB; is there a quote that is not closed?', this.#beganAt);
    }
    return records;
  }

  /** The last record, when the file does not end with a line break. */
  end(): CsvRecord[] {
    if (this.#state === 'quoted') throw this.#error('a quote is not closed.', this.#beganAt);
    const records: CsvRecord[] = [];
    if (this.#state !== 'start' || this.#fields.length > 0) {
      this.#endField();
      this.#endRecord(records);
    }
    return records;
  }

  #endField(): void {
    const field = this.#field;
    this.#fields.push(this.#state === 'plain' && field.endsWith('\r') ? field.slice(0, -1) : field);
    this.#field = '';
    this.#state = 'start';
  }

  #endRecord(records: CsvRecord[]): void {
    const fields = this.#fields;
    const isBlank = fields.length === 1 && fields[0] === '';
    if (!isBlank) records.push({ line: this.#beganAt, fields });
    this.#fields = [];
    this.#line += 1;
    this.#beganAt = this.#line;
  }

  #error(message: string, line = this.#line): Error {
    return dataError({ file: this.#file, line }, message);
  }
}
