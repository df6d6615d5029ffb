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
