import type * as z from 'zod';
import { parseJson } from '../protocol/parse.js';

/** Text of the records kept for each schema, in UTF-16 units: a hundred sessions, or the newest model if it is larger. */
const KEPT_LENGTH = 2 ** 18;

class Kept {
  readonly #records = new Map<string, unknown>();
  #length = 0;

  get(text: string): unknown {
    const record = this.#records.get(text);
    if (record === undefined) return undefined;
    // The one that was asked for last is dropped last.
    this.#records.delete(text);
    this.#records.set(text, record);
    return record;
  }

  add(text: string, record: unknown): void {
    this.#records.set(text, record);
    this.#length += text.length;
    for (const oldest of this.#records.keys()) {
      if (this.#length <= KEPT_LENGTH || oldest === text) return;
      this.#records.delete(oldest);
      this.#length -= oldest.length;
    }
  }
}

const kept = new WeakMap<z.ZodType, Kept>();

/**
 * A stored record, checked. Most records are read many times between two changes: the same text is checked once, and
 * gives the same frozen value again. Keyed by the whole text, so nothing here can be stale.
 */
export function parseRecord<S extends z.ZodType>(schema: S, text: string): z.infer<S> {
  const ofSchema = kept.get(schema) ?? new Kept();
  kept.set(schema, ofSchema);
  const found = ofSchema.get(text);
  if (found !== undefined) return found as z.infer<S>;
  const record = deepFreeze(parseJson(schema, text, 'internal'));
  ofSchema.add(text, record);
  return record;
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  for (const inner of Object.values(value)) deepFreeze(inner);
  return Object.freeze(value);
}
