import { CloudNodeError, type WireError } from '../../protocol/errors.js';
import { signedInAs, signOut } from './token.js';

/** Something that can be shown: what happened, and what to do. */
export class ApiError extends Error {
  readonly code: string;
  readonly advice: string;

  constructor(message: string, code: string, advice: string) {
    super(message);
    this.code = code;
    this.advice = advice;
  }
}

/** The pool's answer as JSON. @throws ApiError */
export async function api<T>(
  path: string,
  init: { method?: string; body?: unknown; signal?: AbortSignal } = {},
): Promise<T> {
  const { method = 'GET', body, signal } = init;
  const answer = await ask(path, {
    method,
    ...(signal === undefined ? {} : { signal }),
    ...(body === undefined
      ? {}
      : { body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } }),
  });
  return (await answer.json()) as T;
}

/** The same, not read. @throws ApiError */
export async function ask(path: string, init: RequestInit = {}): Promise<Response> {
  const headers = { ...(init.headers as object), Authorization: `Bearer ${signedInAs()?.token ?? ''}` };
  let answer: Response;
  try {
    answer = await fetch(path, { ...init, headers });
  } catch (error) {
    if (init.signal?.aborted === true) throw error;
    throw new ApiError('The pool does not answer.', 'unreachable', 'It is tried again by itself.');
  }
  if (answer.ok) return answer;
  const { error } = (await answer.json().catch(() => ({ error: undefined }))) as { error?: WireError };
  if (error?.code === 'unauthenticated') signOut();
  if (error === undefined)
    throw new ApiError(`The answer was ${answer.status}.`, 'unreachable', 'It is tried again by itself.');
  throw new ApiError(error.message, error.code, error.advice);
}

export function toApiError(reason: unknown): ApiError {
  if (reason instanceof ApiError) return reason;
  const { message, code } = CloudNodeError.from(reason);
  return new ApiError(message, code, 'Load the page again.');
}

export const path = {
  repo: (repoId: string): string => `/v1/repos/${encodeURIComponent(repoId)}`,
  session: (repoId: string, sessionId: string): string =>
    `${path.repo(repoId)}/sessions/${encodeURIComponent(sessionId)}`,
  model: (repoId: string, modelId: string): string =>
    `${path.repo(repoId)}/models/${encodeURIComponent(modelId)}`,
};
