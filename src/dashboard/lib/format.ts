/** Numbers for people. A unit is never without a number before it, and a missing number is a dash. */
export const DASH = '–';

/** Between a number and its unit: they stay on one line. */
export const GAP = '\u00a0';

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });

export function formatCount(value: number): string {
  return whole.format(value);
}

export function formatBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)}${GAP}${units[unit] ?? ''}`;
}

export function formatDuration(ms: number): string {
  if (ms < 1_000) return `${Math.max(0, Math.round(ms))}${GAP}ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)}${GAP}s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 3_600) return `${Math.floor(seconds / 60)}${GAP}min ${seconds % 60}${GAP}s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 48 * 60) return `${Math.floor(minutes / 60)}${GAP}h ${minutes % 60}${GAP}min`;
  return `${Math.round(minutes / 60 / 24)}${GAP}days`;
}

/** A share such as an accuracy as percent, everything else with four significant digits. */
export function formatMetric(name: string, value: number | undefined): string {
  if (value === undefined || !Number.isFinite(value)) return DASH;
  if (isShare(name) && value >= 0 && value <= 1) return `${(value * 100).toFixed(2)}${GAP}%`;
  return Math.abs(value) >= 1e5 || (value !== 0 && Math.abs(value) < 1e-3)
    ? value.toExponential(2)
    : value.toPrecision(4);
}

/** Metrics that are a part of one by what they are called. */
export function isShare(name: string): boolean {
  return /acc|precision|recall|auc|f1/i.test(name);
}

export function formatTime(ms: number): string {
  return new Date(ms).toLocaleTimeString('en-GB');
}

export function formatDate(ms: number): string {
  const date = new Date(ms);
  const day = date.toLocaleDateString('en-GB', { day: 'numeric', month: 'short', year: 'numeric' });
  return `${day}, ${date.toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit' })}`;
}

/** A field of a job, as somebody would write it; nothing for what is not set. */
export function formatField(value: unknown): string {
  if (value === undefined || value === null) return '';
  if (Array.isArray(value)) return value.join(', ');
  return typeof value === 'string' ? value : JSON.stringify(value);
}

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}
