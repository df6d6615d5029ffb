import type * as z from 'zod';
import { CloudNodeError, type ErrorCode } from './errors.js';

/** Parses what crossed a border; the error names every bad field, its limit, and what came instead. */
export function parse<S extends z.ZodType>(
  schema: S,
  input: unknown,
  code: ErrorCode = 'invalid_request',
): z.infer<S> {
  const result = schema.safeParse(input);
  if (result.success) return result.data;
  throw new CloudNodeError(code, result.error.issues.slice(0, 5).map(describe).join(' '));
}

function describe(issue: z.core.$ZodIssue): string {
  if (issue.code === 'unrecognized_keys') {
    const where = issue.path.length === 0 ? '' : ` in "${path(issue.path)}"`;
    return `Unknown ${issue.keys.length === 1 ? 'field' : 'fields'} ${issue.keys.map((k) => `"${k.slice(0, 64)}"`).join(', ')}${where}.`;
  }
  const field = issue.path.length === 0 ? 'It' : `"${path(issue.path)}"`;
  return `${field}: ${issue.message.replace(/\.$/, '')}.`;
}

function path(parts: readonly PropertyKey[]): string {
  return parts.map((part) => String(part).slice(0, 64)).join('.');
}

/** Deepest nesting of JSON from outside: whatever walks through it later may do so by recursion. */
export const MAX_JSON_DEPTH = 100;

/** Bytes from outside as JSON, not looked at. */
export function readJsonBytes(bytes: Uint8Array, code: ErrorCode = 'invalid_request'): unknown {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new CloudNodeError(code, 'It is not valid UTF-8.');
  }
  if (isDeep(text))
    throw new CloudNodeError(code, `Its JSON is nested deeper than ${MAX_JSON_DEPTH} levels.`);
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new CloudNodeError(code, 'It is not valid JSON.');
  }
}

const [QUOTE, BACKSLASH, OPEN_LIST, OPEN_OBJECT, CLOSE_LIST, CLOSE_OBJECT] = [
  0x22, 0x5c, 0x5b, 0x7b, 0x5d, 0x7d,
];

function isDeep(text: string): boolean {
  let depth = 0;
  let inString = false;
  for (let i = 0; i < text.length; i++) {
    const char = text.charCodeAt(i);
    if (char === BACKSLASH) i++;
    else if (char === QUOTE) inString = !inString;
    else if (inString) continue;
    else if (char === OPEN_LIST || char === OPEN_OBJECT) depth++;
    else if (char === CLOSE_LIST || char === CLOSE_OBJECT) depth--;
    if (depth > MAX_JSON_DEPTH) return true;
  }
  return false;
}

/** JSON text to a checked value; broken JSON gets the same kind of error. */
export function parseJson<S extends z.ZodType>(
  schema: S,
  text: string,
  code: ErrorCode = 'invalid_request',
): z.infer<S> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new CloudNodeError(code, 'It is not valid JSON.');
  }
  return parse(schema, value, code);
}
