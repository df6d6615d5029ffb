const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** `2 min ago`, `in 3 h`, `just now`. */
export function relativeTime(atMs: number, nowMs: number): string {
  const apartMs = Math.abs(nowMs - atMs);
  if (apartMs < 5 * SECOND) return 'just now';
  const [unit, name] =
    apartMs < MINUTE
      ? [SECOND, 's']
      : apartMs < HOUR
        ? [MINUTE, 'min']
        : apartMs < DAY
          ? [HOUR, 'h']
          : [DAY, 'd'];
  const text = `${Math.floor(apartMs / unit)} ${name}`;
  return atMs <= nowMs ? `${text} ago` : `in ${text}`;
}

/** `850 ms`, `2.1 s`, `3 min 20 s`, `2 h 5 min`. */
export function duration(ms: number): string {
  if (ms < SECOND) return `${Math.round(ms)} ms`;
  if (ms < MINUTE) return `${(ms / SECOND).toFixed(1)} s`;
  if (ms < HOUR) return `${Math.floor(ms / MINUTE)} min ${Math.floor((ms % MINUTE) / SECOND)} s`;
  return `${Math.floor(ms / HOUR)} h ${Math.floor((ms % HOUR) / MINUTE)} min`;
}

/** `4:07`: how long something runs, in a place that must not jump about. */
export function clock(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / SECOND));
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}

/** `17 B`, `1.5 KiB`, `12.3 MiB`. */
export function bytes(count: number): string {
  if (count < 1024) return `${count} B`;
  const units = ['KiB', 'MiB', 'GiB', 'TiB'];
  let value = count / 1024;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${value.toFixed(1)} ${units[unit]}`;
}

/** `199,210`. */
export function integer(value: number): string {
  return value.toLocaleString('en-US');
}

/** `96.31 %`. */
export function percent(share: number): string {
  return `${(share * 100).toFixed(2)} %`;
}

/** A metric by its name: accuracies as percent, everything else with four digits after the point. */
export function metric(name: string, value: number): string {
  return /acc/i.test(name) ? percent(value) : value.toFixed(4);
}

/** Metrics in the order that people look for them. */
export function accuracyFirst(metrics: Readonly<Record<string, number>>): [string, number][] {
  const rank = ([name]: [string, number]): number => (/acc/i.test(name) ? 0 : 1);
  return Object.entries(metrics).sort((a, b) => rank(a) - rank(b));
}

/** `1 gateway`, `2 gateways`, `2 Libraries`. */
export function count(n: number, noun: string): string {
  const plural = /[^aeiou]y$/.test(noun) ? `${noun.slice(0, -1)}ies` : `${noun}s`;
  return `${integer(n)} ${n === 1 ? noun : plural}`;
}

const DURATION = /^(\d+(?:\.\d+)?)(s|m|min|h|d)$/;
const UNITS: Readonly<Record<string, number>> = { s: SECOND, m: MINUTE, min: MINUTE, h: HOUR, d: DAY };

/** Reads `90s`, `30m`, `12h`, `7d`; null when it is something else. */
export function parseDuration(text: string): number | null {
  const [, value, unit] = DURATION.exec(text.trim()) ?? [];
  const unitMs = UNITS[unit ?? ''];
  return value === undefined || unitMs === undefined ? null : Number(value) * unitMs;
}
