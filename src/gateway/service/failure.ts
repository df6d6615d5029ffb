import { CloudNodeError } from '../../protocol/errors.js';

const UNAVAILABLE =
  /Command timed out|Connection is closed|Stream isn't writeable|Failed to refresh slots|Too many Cluster redirections|None of startup nodes is available|Connection is in|[Aa]ll sentinels are unreachable|^(LOADING|CLUSTERDOWN|MASTERDOWN|READONLY|TRYAGAIN|MISCONF|NOREPLICAS|BUSY|UNBLOCKED|EXECABORT)\b/;
/** The words after the code differ between servers, and where a script wraps it the code is not at the start. */
const FULL = /OOM command not allowed|^OOM\b/;
const UNAVAILABLE_NAMES = new Set([
  'MaxRetriesPerRequestError',
  'ClusterAllFailedError',
  'AbortError',
  'InterruptError',
]);
const NETWORK_CODES = new Set(['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ENOENT', 'EHOSTUNREACH']);

/** Anything that was thrown while answering, as an error of the table. */
export function toFailure(reason: unknown): CloudNodeError {
  if (!(reason instanceof Error) || reason instanceof CloudNodeError) return CloudNodeError.from(reason);
  if (FULL.test(reason.message))
    return new CloudNodeError('storage_full', 'Redis has no memory left.', {
      cause: reason,
      retryAfterMs: 5_000,
    });
  if (isRedisAway(reason))
    return new CloudNodeError('redis_unavailable', 'Redis does not answer.', { cause: reason });
  return CloudNodeError.from(reason);
}

function isRedisAway(error: Error): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return (
    UNAVAILABLE.test(error.message) ||
    UNAVAILABLE_NAMES.has(error.name) ||
    (code !== undefined && NETWORK_CODES.has(code))
  );
}
