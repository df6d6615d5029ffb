/** Marks text for a terminal; every function returns its input where there are no colours. */
export interface Style {
  readonly bold: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly green: (text: string) => string;
  readonly yellow: (text: string) => string;
  readonly red: (text: string) => string;
  readonly cyan: (text: string) => string;
}

const paint =
  (open: number, close: number) =>
  (text: string): string =>
    text === '' ? '' : `\x1b[${open}m${text}\x1b[${close}m`;
const plain = (text: string): string => text;

export const COLOURS: Style = {
  bold: paint(1, 22),
  dim: paint(2, 22),
  green: paint(32, 39),
  yellow: paint(33, 39),
  red: paint(31, 39),
  cyan: paint(36, 39),
};
export const NO_COLOURS: Style = {
  bold: plain,
  dim: plain,
  green: plain,
  yellow: plain,
  red: plain,
  cyan: plain,
};

/** Colours only on a terminal, and not where the person said no (https://no-color.org). */
export function styleFor(
  stream: { readonly isTTY?: boolean },
  env: Readonly<Record<string, string | undefined>>,
): Style {
  const wanted = stream.isTTY === true && !env['NO_COLOR'] && env['TERM'] !== 'dumb';
  return wanted ? COLOURS : NO_COLOURS;
}

// eslint-disable-next-line no-control-regex -- the escape character is what is looked for
const MARKS = /\x1b\[[0-9;]*m/g;

/** How many columns a text takes; good for the characters that this command prints, all one column wide. */
export function visibleLength(text: string): number {
  return [...text.replace(MARKS, '')].length;
}

export function padEnd(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - visibleLength(text)));
}

export function padStart(text: string, width: number): string {
  return ' '.repeat(Math.max(0, width - visibleLength(text))) + text;
}

/** Cuts to `width` columns and leaves the marks in place, so that no colour runs on. */
export function truncate(text: string, width: number): string {
  if (visibleLength(text) <= width) return text;
  let left = Math.max(0, width - 1);
  let cut = '';
  // eslint-disable-next-line no-control-regex -- as above
  for (const part of text.match(/\x1b\[[0-9;]*m|[^\x1b]/gu) ?? []) {
    if (part.startsWith('\x1b')) cut += part;
    else if (left > 0) {
      cut += part;
      left -= 1;
      if (left === 0) cut += '…';
    }
  }
  return cut;
}
