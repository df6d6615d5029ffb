import { CloudNodeError } from '../errors.js';
import { backoffMs, DEFAULT_BACKOFF, reasonOf, sleep, type Backoff } from './backoff.js';
import { idleDeadline } from './deadline.js';
import { isRetryable, NoAnswerError, retryAfterMs } from './no-answer.js';
import { readError } from './read-error.js';

export interface ApiOptions {
  /** Gateways of one pool; any of them answers anything. */
  readonly urls: string | readonly string[];
  /** Credentials, asked for before each try so that a token may be renewed. */
  readonly headers: () => Readonly<Record<string, string>> | Promise<Readonly<Record<string, string>>>;
  readonly backoff?: Partial<Backoff> | undefined;
}

export interface ApiRequest {
  /** @default GET */
  readonly method?: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** With the leading slash. */
  readonly path: string;
  readonly json?: unknown;
  readonly body?: Uint8Array;
  /** A function is asked before each try. */
  readonly headers?: Readonly<Record<string, string>> | (() => Readonly<Record<string, string>>);
  readonly signal?: AbortSignal | undefined;
  /** Tries in all; `Infinity` goes on until the signal says stop. @default 6 */
  readonly attempts?: number;
  /** False for what must not happen twice: then it is repeated only when it certainly did not happen. @default true */
  readonly idempotent?: boolean;
  /** Longest silence of the pool, ms; an upload gets 10 s more for each MiB. @default 30_000 */
  readonly idleMs?: number;
  /**
   * Longest wait for the answer to begin in the first try, ms; a later try waits twice as long as the one before, at most
   * `idleMs`. @default 5_000; 15_000 with a body, which the pool may keep waiting for others
   */
  readonly answerMs?: number;
}

export interface ApiAnswer {
  readonly response: Response;
  /** Call it as bytes arrive, so that a long download is not taken for a dead one. */
  readonly alive: () => void;
}

/** Speaks HTTP with whichever gateway of the pool answers. Shared by the SDKs; runs in browsers and in Node. */
export class ApiClient {
  readonly #urls: readonly string[];
  readonly #headers: ApiOptions['headers'];
  readonly #backoff: Backoff;
  #next: number;

  constructor({ urls, headers, backoff }: ApiOptions) {
    this.#urls = baseUrls(urls);
    this.#headers = headers;
    this.#backoff = { ...DEFAULT_BACKOFF, ...backoff };
    this.#next = Math.floor(this.#backoff.random() * this.#urls.length);
  }

  /**
   * A JSON answer.
   * @throws {CloudNodeError} what the pool said, once it cannot be retried or the tries are used up
   * @throws {NoAnswerError} when no gateway answered in any try
   */
  json<T>(request: ApiRequest): Promise<T> {
    return this.send(request, async ({ response }) => (await response.json()) as T);
  }

  /** Sends until `read` returns: a body that breaks off counts as a failed try. Throws like {@link json}. */
  async send<T>(request: ApiRequest, read: (answer: ApiAnswer) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.attempt(request, read, attempt);
      } catch (error) {
        if (request.signal?.aborted === true) throw reasonOf(request.signal);
        const again = request.idempotent === false ? certainlyNotDone(error) : isRetryable(error);
        if (!again || attempt >= (request.attempts ?? 6)) throw error;
        await sleep(backoffMs(attempt, this.#backoff, retryAfterMs(error)), request.signal);
      }
    }
  }

  /** One try at one gateway; after a failure that another one might not have, the next try goes to the next. */
  async attempt<T>(request: ApiRequest, read: (answer: ApiAnswer) => Promise<T>, attempt = 1): Promise<T> {
    const used = this.#next;
    const url = (this.#urls[used % this.#urls.length] ?? '') + request.path;
    const { idleMs, beginMs } = patience(request, attempt);
    const deadline = idleDeadline(idleMs, request.signal, beginMs);
    try {
      const response = await fetch(url, await this.#init(request, deadline.signal));
      deadline.alive();
      if (!response.ok) throw await readError(response);
      return await read({ response, alive: () => deadline.alive() });
    } catch (error) {
      const named = nameNetworkError(error, url);
      // Once for all that failed there together.
      if (isRetryable(named) && this.#next === used) this.#next += 1;
      throw named;
    } finally {
      deadline.end();
    }
  }

  async #init(request: ApiRequest, signal: AbortSignal): Promise<RequestInit> {
    const { method = 'GET', json, body } = request;
    const type = json === undefined ? {} : { 'content-type': 'application/json' };
    const own = typeof request.headers === 'function' ? request.headers() : request.headers;
    const init = { method, signal, headers: { ...(await this.#headers()), ...type, ...own } };
    if (json !== undefined) return { ...init, body: JSON.stringify(json) };
    return body === undefined ? init : { ...init, body: body as Uint8Array<ArrayBuffer> };
  }
}

/**
 * How long a try waits for anything, and for the answer to begin. The second is short where another try does no harm:
 * Node's fetch waits for ever at a server that accepts a connection and closes it at once, as one that dies may.
 */
function patience(request: ApiRequest, attempt: number): { idleMs: number; beginMs: number } {
  const { body, idempotent, idleMs = 30_000, answerMs = body === undefined ? 5_000 : 15_000 } = request;
  const uploadMs = ((body?.length ?? 0) / 2 ** 20) * 10_000;
  const beginMs = idempotent === false ? idleMs : Math.min(idleMs, answerMs * 2 ** Math.min(attempt - 1, 30));
  return { idleMs: idleMs + uploadMs, beginMs: beginMs + uploadMs };
}

/**
 * Base URLs without trailing slashes.
 * @throws TypeError when there is none or one is not a URL.
 */
export function baseUrls(urls: string | readonly string[]): string[] {
  const list = (typeof urls === 'string' ? [urls] : urls).map((url) => new URL(url).href.replace(/\/+$/, ''));
  if (list.length === 0) throw new TypeError('Give at least one URL of the pool.');
  return list;
}

/**
 * `fetch` and the reading of a body fail with a TypeError for anything in the network, and say why only in its cause; a
 * JSON body that was cut off fails with a SyntaxError. Told by name, since realms have classes of their own.
 */
function nameNetworkError(error: unknown, url: string): unknown {
  const { name, message, cause } = (error ?? {}) as Partial<Error>;
  if (name !== 'TypeError' && name !== 'SyntaxError') return error;
  const why = (cause as Partial<Error> | undefined)?.message ?? message ?? name;
  return new NoAnswerError(`No answer from ${url}: ${why}`, { cause: error });
}

function certainlyNotDone(error: unknown): boolean {
  if (error instanceof CloudNodeError) return error.retryable && error.status !== 500;
  if (!(error instanceof NoAnswerError)) return false;
  const network = (error.cause as { cause?: { code?: unknown } } | undefined)?.cause;
  return network?.code === 'ECONNREFUSED';
}
