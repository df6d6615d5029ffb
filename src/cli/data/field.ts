/** What tables write where a value is missing. */
const MISSING = new Set(['', '?', 'na', 'n/a', 'nan', 'null', 'none']);

export function isMissing(field: string): boolean {
  return field.length <= 16 && MISSING.has(field.trim().toLowerCase());
}

const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

/** Decimal numbers that f32 reaches; no hexadecimal, no infinity, no thousands separators. Null: it is a text. */
export function toNumber(field: string): number | null {
  const text = field.trim();
  if (!NUMBER.test(text)) return null;
  const value = Number(text);
  return Number.isFinite(Math.fround(value)) ? value : null;
}
