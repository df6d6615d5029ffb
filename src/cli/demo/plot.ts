import { padStart } from '../style.js';

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface PlotOptions {
  /** Columns and rows of the whole plot with its axes. */
  readonly width: number;
  readonly height: number;
  /** What the x axis spans, whether or not points are there yet. */
  readonly fromX: number;
  readonly toX: number;
  readonly label: (y: number) => string;
  readonly xTitle: string;
  /** Values beyond which there is nothing, such as an accuracy of 1. */
  readonly maxY?: number;
  readonly minY?: number;
}

/** Dots of a braille cell, column by column. Each cell is 2 dots wide and 4 high. */
const DOTS = [
  [0x01, 0x02, 0x04, 0x40],
  [0x08, 0x10, 0x20, 0x80],
] as const;
const BRAILLE = 0x2800;

/** A line through the points, drawn in braille dots, with labelled axes. */
export function renderPlot(points: readonly Point[], options: PlotOptions): string[] {
  const { lo, hi } = spanY(points, options);
  const labels = { top: options.label(hi), bottom: options.label(lo) };
  const labelWidth = Math.max(labels.top.length, labels.bottom.length);
  const columns = Math.max(2, options.width - labelWidth - 2);
  const rows = Math.max(2, options.height - 2);
  const cells = draw(points, { columns, rows, lo, hi, fromX: options.fromX, toX: options.toX });
  const lines = cells.map((text, row) => {
    const label = row === 0 ? labels.top : row === rows - 1 ? labels.bottom : '';
    return `${padStart(label, labelWidth)} ${label === '' ? '│' : '┤'}${text}`.trimEnd();
  });
  const indent = ' '.repeat(labelWidth + 1);
  return [...lines, `${indent}└${'─'.repeat(columns)}`, `${indent} ${xLabels(options, columns)}`];
}

/** A range that begins and ends at round numbers and has all points in it. */
function spanY(points: readonly Point[], { minY, maxY }: PlotOptions): { lo: number; hi: number } {
  const values = points.map((point) => point.y);
  const least = values.length === 0 ? (minY ?? 0) : Math.min(...values);
  const most = values.length === 0 ? (maxY ?? 1) : Math.max(...values);
  const step = niceStep((most - least || Math.abs(most) || 1) / 3);
  const lo = Math.max(minY ?? -Infinity, Math.floor(least / step + 1e-9) * step);
  const hi = Math.min(maxY ?? Infinity, Math.ceil(most / step - 1e-9) * step);
  return hi > lo ? { lo, hi } : { lo: Math.max(minY ?? -Infinity, hi - step), hi };
}

/** 1, 2 or 5 times a power of ten, at least `rough`. */
function niceStep(rough: number): number {
  const power = 10 ** Math.floor(Math.log10(rough));
  const factor = [1, 2, 5, 10].find((f) => f * power >= rough * (1 - 1e-9)) ?? 10;
  return factor * power;
}

interface Canvas {
  readonly columns: number;
  readonly rows: number;
  readonly lo: number;
  readonly hi: number;
  readonly fromX: number;
  readonly toX: number;
}

function draw(points: readonly Point[], canvas: Canvas): string[] {
  const { columns, rows, lo, hi, fromX, toX } = canvas;
  const masks = Array.from({ length: rows }, () => new Uint8Array(columns));
  const [right, bottom] = [columns * 2 - 1, rows * 4 - 1];
  const place = ({ x, y }: Point): { x: number; y: number } => ({
    x: Math.round(toX === fromX ? 0 : ((x - fromX) / (toX - fromX)) * right),
    y: Math.round((1 - (y - lo) / (hi - lo)) * bottom),
  });
  const dot = (x: number, y: number): void => {
    const mask = masks[y >> 2];
    const bit = DOTS[(x & 1) as 0 | 1][(y & 3) as 0 | 1 | 2 | 3];
    if (mask !== undefined && x >= 0 && x <= right) mask[x >> 1] = (mask[x >> 1] ?? 0) | bit;
  };
  let last: { x: number; y: number } | null = null;
  for (const point of points) {
    const next = place(point);
    const from = last ?? next;
    const steps = Math.max(1, Math.abs(next.x - from.x), Math.abs(next.y - from.y));
    for (let i = 0; i <= steps; i++) {
      const share = i / steps;
      dot(Math.round(from.x + (next.x - from.x) * share), Math.round(from.y + (next.y - from.y) * share));
    }
    last = next;
  }
  return masks.map((mask) =>
    Array.from(mask, (bits) => (bits === 0 ? ' ' : String.fromCharCode(BRAILLE + bits))).join(''),
  );
}

function xLabels({ fromX, toX, xTitle }: PlotOptions, columns: number): string {
  const [first, last] = [String(fromX), String(toX)];
  const room = columns - first.length - last.length;
  const title = room > xTitle.length + 2 ? xTitle : '';
  const before = Math.floor((room - title.length) / 2);
  return `${first}${' '.repeat(Math.max(1, before))}${title}${' '.repeat(Math.max(1, room - title.length - before))}${last}`;
}
