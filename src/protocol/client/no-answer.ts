import { CloudNodeError } from '../errors.js';

/** No gateway answered, or what answered was none: the network, a proxy in between, a process that died. Worth another try. */
export class NoAnswerError extends Error {
  readonly retryable = true;

  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'NoAnswerError';
  }
}

/** Whether trying again can help. */
export function isRetryable(error: unknown): boolean {
  return error instanceof NoAnswerError || (error instanceof CloudNodeError && error.retryable);
}

/** What the pool asked to wait before the next try, or 0. */
export function retryAfterMs(error: unknown): number {
  return error instanceof CloudNodeError ? (error.retryAfterMs ?? 0) : 0;
}
