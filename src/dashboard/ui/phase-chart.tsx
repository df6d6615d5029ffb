import type { JSX } from 'preact';
import { formatCount, formatDuration } from '../lib/format.js';
import { median, type PhaseTimes } from '../lib/series.js';
import { ticks } from './scale.js';
import { useWidth } from './use-width.js';

const PHASES = [
  { name: 'selecting', key: 'selectingMs', help: 'waits for Libraries' },
  { name: 'collecting', key: 'collectingMs', help: 'Libraries train and send' },
  { name: 'closing', key: 'closingMs', help: 'the pool aggregates' },
] as const;
const HEIGHT = 180;
const MARGIN = { top: 12, right: 16, bottom: 30, left: 52 };
const MAX_BARS = 40;

/** Where the time of the last rounds went: tints of one hue that differ in lightness, and medians in words. */
export function PhaseChart({ times }: { times: readonly PhaseTimes[] }): JSX.Element {
  const [ref, width] = useWidth<HTMLDivElement>();
  const shown = times.slice(-MAX_BARS);
  const total = (t: PhaseTimes): number => t.selectingMs + t.collectingMs + t.closingMs;
  const top = Math.max(...shown.map(total), 1);
  const inner = { width: width - MARGIN.left - MARGIN.right, height: HEIGHT - MARGIN.top - MARGIN.bottom };
  const step = inner.width / Math.max(shown.length, 8);
  const toY = (ms: number): number => MARGIN.top + (1 - ms / top) * inner.height;
  const every = Math.max(1, Math.ceil(30 / step));
  const unit =
    top >= 120_000
      ? { ms: 60_000, name: 'min' }
      : top >= 2_000
        ? { ms: 1_000, name: 's' }
        : { ms: 1, name: 'ms' };
  const medians = PHASES.map(
    ({ name, key }) => `${name} ${formatDuration(median(times.map((t) => t[key])))}`,
  );
  return (
    <figure class="chart" ref={ref}>
      <figcaption>
        <span class="chart-title">time per phase</span>
        <span class="chart-x">medians of {formatCount(times.length)} rounds</span>
      </figcaption>
      <ul class="legend">
        {PHASES.map(({ name, key, help }, i) => (
          <li key={name} title={help}>
            <svg class="key" width="12" height="12" aria-hidden="true">
              <rect class={`phase p${i}`} width="12" height="12" />
            </svg>
            {name}
            <b>{formatDuration(median(times.map((t) => t[key])))}</b>
          </li>
        ))}
      </ul>
      {width > 0 && (
        <svg
          width={width}
          height={HEIGHT}
          role="img"
          aria-label={`Time per phase, medians: ${medians.join(', ')}.`}
        >
          {ticks(0, top / unit.ms, 4).map((tick) => (
            <g key={tick}>
              <line
                class="grid"
                x1={MARGIN.left}
                x2={width - MARGIN.right}
                y1={toY(tick * unit.ms)}
                y2={toY(tick * unit.ms)}
              />
              <text
                class="tick"
                x={MARGIN.left - 8}
                y={toY(tick * unit.ms)}
                text-anchor="end"
                dominant-baseline="middle"
              >
                {tick} {unit.name}
              </text>
            </g>
          ))}
          {shown.map((t, i) => {
            let base = 0;
            return (
              <g key={t.round}>
                {PHASES.map(({ name, key }, phase) => {
                  const from = base;
                  base += t[key];
                  return (
                    <rect
                      key={name}
                      class={`phase p${phase}`}
                      x={MARGIN.left + i * step + step * 0.15}
                      width={step * 0.7}
                      y={toY(base)}
                      height={Math.max(0, toY(from) - toY(base))}
                    />
                  );
                })}
                {(i % every === 0 || shown.length < 3) && (
                  <text
                    class="tick"
                    x={MARGIN.left + (i + 0.5) * step}
                    y={HEIGHT - MARGIN.bottom + 18}
                    text-anchor="middle"
                  >
                    {formatCount(t.round)}
                  </text>
                )}
              </g>
            );
          })}
        </svg>
      )}
    </figure>
  );
}
