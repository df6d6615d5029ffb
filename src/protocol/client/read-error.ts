import { CloudNodeError, type WireError } from '../errors.js';
import { NoAnswerError } from './no-answer.js';

/** The error that an answer other than 2xx carries; without one, a proxy in between has answered. */
export async function readError(response: Response): Promise<CloudNodeError | NoAnswerError> {
  const wire = wireError(await response.json().catch(() => null));
  if (wire !== null) {
    const retryAfter = Number(response.headers.get('retry-after') ?? Number.NaN) * 1000;
    const afterMs = wire.retryAfterMs ?? (Number.isFinite(retryAfter) ? retryAfter : undefined);
    return CloudNodeError.fromWire({ ...wire, retryAfterMs: afterMs });
  }
  const message = `${response.url} answered ${response.status} without an error of the pool.`;
  const passing = response.status >= 500 || response.status === 429 || response.status === 408;
  return passing ? new NoAnswerError(message) : new CloudNodeError('invalid_request', message);
}

/** A WireError out of an answer or of a socket's `err.data`, if it is one. */
export function wireError(value: unknown): WireError | null {
  const error = (value as { error?: unknown } | null)?.error ?? value;
  const { code, message, retryable } = (error ?? {}) as Partial<WireError>;
  const complete = typeof code === 'string' && typeof message === 'string' && typeof retryable === 'boolean';
  return complete ? (error as WireError) : null;
}
