import { readFileSync } from 'node:fs';

const ROOT = new URL('../../', import.meta.url);

/** A file of the project as text. */
export function readText(path: string): string {
  return readFileSync(new URL(path, ROOT), 'utf8');
}

/**
 * The cells of the first table after `<!-- <marker> -->`, without its head. Backticks around a cell are dropped
 * and so are the backslashes of escapes: a cell compares with what the code says.
 */
export function tableAfter(markdown: string, marker: string): string[][] {
  const lines = partAfter(markdown, marker).split('\n');
  const first = lines.findIndex((line) => line.startsWith('|'));
  const length = lines.slice(first).findIndex((line) => !line.startsWith('|'));
  if (first < 0 || length < 3) throw new Error(`There is no table after <!-- ${marker} -->.`);
  return lines.slice(first + 2, first + length).map(cells);
}

/** The first fenced block after `<!-- <marker> -->`. */
export function fenceAfter(markdown: string, marker: string): string {
  const text = /```\w*\n([\s\S]*?)\n```/.exec(partAfter(markdown, marker))?.[1];
  if (text === undefined) throw new Error(`There is no fenced block after <!-- ${marker} -->.`);
  return text;
}

/** All fenced blocks of a language. */
export function fences(markdown: string, language: string): string[] {
  return [...markdown.matchAll(new RegExp('```' + language + '\\n([\\s\\S]*?)\\n```', 'g'))].map(
    (m) => m[1] ?? '',
  );
}

function partAfter(markdown: string, marker: string): string {
  const tag = `<!-- ${marker} -->`;
  const start = markdown.indexOf(tag);
  if (start < 0) throw new Error(`There is no ${tag}.`);
  return markdown.slice(start + tag.length);
}

function cells(line: string): string[] {
  return line
    .trim()
    .slice(1, -1)
    .split(/(?<!\\)\|/)
    .map((cell) =>
      cell
        .trim()
        .replace(/\\([|<>*_])/g, '$1')
        .replace(/^`([^`]*)`$/, '$1'),
    );
}
