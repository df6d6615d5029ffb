import type * as z from 'zod';
import { parseJson } from '../protocol/parse.js';

/** Records kept for each schema. */
const KEPT = 512;
const seen = new WeakMap<z.ZodType, Map<string, unknown>>();

/**
 * A stored record, checked. Most records are read many times between two changes: the same text is checked once, and
 * gives the same frozen value again. Keyed by the whole text, so nothing here can be stale.
 */
export function parseRecord<S extends z.ZodType>(schema: S, text: string): z.infer<S> {
  const known = seen.get(schema) ?? new Map<string, unknown>();
  seen.set(schema, known);
  const found = known.get(text);
  if (found !== undefined) return found as z.infer<S>;
  const record = deepFreeze(parseJson(schema, text, 'internal'));
  known.set(text, record);
  if (known.size > KEPT) known.delete(known.keys().next().value ?? '');
  return record;
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  for (const inner of Object.values(value)) deepFreeze(inner);
  return Object.freeze(value);
}
