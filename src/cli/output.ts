import { NO_COLOURS, styleFor, type Style } from './style.js';

/** Where a command's results go: one JSON document with `--json`, text for people otherwise. */
export interface Output {
  readonly json: boolean;
  readonly style: Style;
  /** Columns to cut tables at; undefined where the output is a file or a pipe. */
  readonly width: number | undefined;
  /** The result. Called once. */
  readonly result: (data: unknown, text: (style: Style) => readonly string[]) => void;
  /** For people only, on stderr: what goes on meanwhile. */
  readonly note: (line: string) => void;
}

export function createOutput(
  json: boolean,
  streams: { stdout: NodeJS.WriteStream; stderr: NodeJS.WriteStream } = process,
): Output {
  const { stdout, stderr } = streams;
  const style = json ? NO_COLOURS : styleFor(stdout, process.env);
  return {
    json,
    style,
    width: stdout.isTTY ? stdout.columns : undefined,
    result(data, text) {
      if (json) stdout.write(`${JSON.stringify(data, null, stdout.isTTY ? 2 : 0)}\n`);
      else stdout.write(`${text(style).join('\n')}\n`);
    },
    note(line) {
      if (!json) stderr.write(`${line}\n`);
    },
  };
}
