import type { JSX } from 'preact';
import { useMemo, useState } from 'preact/hooks';
import { formatCount, formatMetric, isShare } from '../lib/format.js';
import { thin, type Series } from '../lib/series.js';
import { extent, ticks, endedTicks } from './scale.js';
import { useWidth } from './use-width.js';

interface LineChartProps {
  readonly metric: string;
  readonly series: readonly Series[];
  /** What x counts. */
  readonly xLabel: string;
}

const HEIGHT = 220;
const MARGIN = { top: 12, right: 16, bottom: 30, left: 52 };
const MAX_POINTS = 500;

/** Lines that differ in colour, dash and mark. The arrow keys move the reading line; the values stand above. */
export function LineChart({ metric, series, xLabel }: LineChartProps): JSX.Element {
  const [ref, width] = useWidth<HTMLDivElement>();
  const [chosen, setChosen] = useState<number | null>(null);
  const xs = useMemo(
    () => [...new Set(series.flatMap((s) => s.points.map((p) => p.x)))].sort((a, b) => a - b),
    [series],
  );
  const last = xs.length - 1;
  const at = chosen === null ? null : Math.min(chosen, last);
  const move = (event: KeyboardEvent): void => {
    const step = { ArrowLeft: -1, ArrowRight: 1, Home: -xs.length, End: xs.length }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    setChosen((now) => Math.min(last, Math.max(0, (now ?? (step < 0 ? last + 1 : -1)) + step)));
  };
  const x = xs[at ?? last];
  return (
    <figure class="chart" ref={ref}>
      <figcaption>
        <span class="chart-title">{metric}</span>
        <span class="chart-x">{x === undefined ? '' : `${xLabel} ${formatCount(x)}`}</span>
      </figcaption>
      <ul class="legend">
        {series.map(({ name, points }, i) => (
          <li key={name}>
            <Key index={i} />
            {name}
            <b>{formatMetric(metric, at === null ? points.at(-1)?.y : points.find((p) => p.x === x)?.y)}</b>
          </li>
        ))}
      </ul>
      {width > 0 && (
        <svg
          width={width}
          height={HEIGHT}
          role="img"
          tabIndex={0}
          aria-label={describe(metric, series, xLabel)}
          onKeyDown={move}
          onPointerMove={(event) => setChosen(nearest(xs, event, width))}
          onPointerLeave={() => setChosen(null)}
          onBlur={() => setChosen(null)}
        >
          <Plot
            metric={metric}
            series={series}
            xs={xs}
            width={width}
            reading={at === null ? null : (x ?? null)}
          />
        </svg>
      )}
    </figure>
  );
}

function Plot(props: {
  metric: string;
  series: readonly Series[];
  xs: readonly number[];
  width: number;
  reading: number | null;
}): JSX.Element {
  const { metric, series, xs, width, reading } = props;
  const [xLow, xHigh] = [xs[0] ?? 0, Math.max(xs.at(-1) ?? 1, (xs[0] ?? 0) + 1)];
  const [yLow, yHigh] = yRange(metric, series);
  const inner = { width: width - MARGIN.left - MARGIN.right, height: HEIGHT - MARGIN.top - MARGIN.bottom };
  const toX = (x: number): number => MARGIN.left + ((x - xLow) / (xHigh - xLow)) * inner.width;
  const toY = (y: number): number => MARGIN.top + (1 - (y - yLow) / (yHigh - yLow)) * inner.height;
  return (
    <>
      {ticks(yLow, yHigh, 5).map((y) => (
        <g key={y}>
          <line class="grid" x1={MARGIN.left} x2={width - MARGIN.right} y1={toY(y)} y2={toY(y)} />
          <text class="tick" x={MARGIN.left - 8} y={toY(y)} text-anchor="end" dominant-baseline="middle">
            {isShare(metric) ? `${Math.round(y * 100)} %` : Number(y.toPrecision(3))}
          </text>
        </g>
      ))}
      {endedTicks(xLow, xHigh, {
        count: Math.max(2, Math.floor(inner.width / 70)),
        room: (36 / inner.width) * (xHigh - xLow),
      }).map((x) => (
        <text key={x} class="tick" x={toX(x)} y={HEIGHT - MARGIN.bottom + 18} text-anchor="middle">
          {formatCount(x)}
        </text>
      ))}
      {reading !== null && (
        <line
          class="reading"
          x1={toX(reading)}
          x2={toX(reading)}
          y1={MARGIN.top}
          y2={HEIGHT - MARGIN.bottom}
        />
      )}
      {series.map(({ name, points }, i) => {
        const shown = thin(points, MAX_POINTS);
        const d = shown
          .map(({ x, y }, at) => `${at === 0 ? 'M' : 'L'}${toX(x).toFixed(1)} ${toY(y).toFixed(1)}`)
          .join('');
        const marked =
          reading === null
            ? shown.length === 1
              ? shown
              : shown.slice(-1)
            : points.filter((p) => p.x === reading);
        return (
          <g key={name} class={`series s${i % 6}`}>
            <path class="line" d={d} />
            {marked.map(({ x, y }) => (
              <Mark key={x} index={i} x={toX(x)} y={toY(y)} />
            ))}
          </g>
        );
      })}
    </>
  );
}

function Mark({ index, x, y }: { index: number; x: number; y: number }): JSX.Element {
  const r = 4.5;
  const shapes = [
    <circle cx={x} cy={y} r={r} />,
    <rect x={x - r} y={y - r} width={2 * r} height={2 * r} />,
    <path d={`M${x} ${y - r - 1}L${x + r + 1} ${y + r}L${x - r - 1} ${y + r}Z`} />,
    <path d={`M${x} ${y - r - 1.5}L${x + r + 1.5} ${y}L${x} ${y + r + 1.5}L${x - r - 1.5} ${y}Z`} />,
  ];
  return <g class="mark">{shapes[index % shapes.length]}</g>;
}

/** The line as the legend shows it. */
export function Key({ index }: { index: number }): JSX.Element {
  return (
    <svg class={`key series s${index % 6}`} width="30" height="12" aria-hidden="true">
      <path class="line" d="M0 6H30" />
      <Mark index={index} x={15} y={6} />
    </svg>
  );
}

function yRange(metric: string, series: readonly Series[]): [number, number] {
  const [low, high] = extent(series.flatMap((s) => s.points.map((p) => p.y)));
  if (!Number.isFinite(low)) return [0, 1];
  const room = (high - low || Math.abs(high) || 1) * 0.08;
  const isBounded = isShare(metric) && low >= 0 && high <= 1;
  return [
    low >= 0 ? Math.max(0, low - room) : low - room,
    isBounded ? Math.min(1, high + room) : high + room,
  ];
}

function nearest(
  xs: readonly number[],
  event: { readonly clientX: number; readonly currentTarget: Element },
  width: number,
): number {
  const left = event.currentTarget.getBoundingClientRect().left;
  const share = (event.clientX - left - MARGIN.left) / (width - MARGIN.left - MARGIN.right);
  const [low, high] = [xs[0] ?? 0, xs.at(-1) ?? 0];
  const wanted = low + share * (high - low);
  let best = 0;
  xs.forEach((x, i) => {
    if (Math.abs(x - wanted) < Math.abs((xs[best] ?? 0) - wanted)) best = i;
  });
  return best;
}

function describe(metric: string, series: readonly Series[], xLabel: string): string {
  const parts = series.map(({ name, points }) => {
    const [first, last] = [points[0], points.at(-1)];
    if (first === undefined || last === undefined) return name;
    return `${name}: ${formatMetric(metric, first.y)} at ${xLabel} ${first.x}, ${formatMetric(metric, last.y)} at ${xLabel} ${last.x}`;
  });
  return `${metric} by ${xLabel}. ${parts.join('; ')}. Arrow keys read single values.`;
}
