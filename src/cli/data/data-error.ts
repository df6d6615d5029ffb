import { usageError, type CliError } from '../errors.js';

/** Where in somebody's data; what is not known is left out. */
export interface Place {
  readonly file: string;
  /** From 1, as editors count. */
  readonly line?: number;
  /** Name of a column. */
  readonly column?: string;
}

/** Data that cannot be used as it is: the message begins with the place, `people.csv:17: column "age": …`. */
export function dataError(place: Place, message: string, advice?: string): CliError {
  const line = place.line === undefined ? '' : `:${place.line}`;
  const column = place.column === undefined ? '' : ` column "${place.column}":`;
  return usageError(`${place.file}${line}:${column} ${message}`, advice);
}

/** A value as it is shown in a message: quoted, and not longer than a line can take. */
export function shown(text: string): string {
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text);
}
