import { NoAnswerError } from './no-answer.js';
import type { ApiAnswer } from './request.js';

/** A body of known length that may come in several answers: each try asks for what is missing. */
export class ResumableBytes {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** More came than was expected. */
  hasMore = false;
  #filled = 0;
  /** Of the representation that the bytes belong to; without it there is no telling, and each try begins anew. */
  #etag: string | null = null;

  constructor(length: number) {
    this.bytes = new Uint8Array(length);
  }

  headers(): Record<string, string> {
    if (this.#etag === null || this.#filled === 0) return {};
    return { range: `bytes=${this.#filled}-`, 'if-range': this.#etag };
  }

  /** @throws {NoAnswerError} when the body breaks off */
  async read({ response, alive }: ApiAnswer): Promise<void> {
    const { length } = this.bytes;
    // Whoever does not know the version in this form, or ranges, sends everything.
    if (response.status !== 206 || !isFrom(response, this.#filled)) {
      if (response.status === 206) throw this.#anew('An answer has other bytes than were asked for.');
      this.#filled = 0;
    }
    this.#etag = strongEtag(response);
    const reader = response.body?.getReader();
    for (;;) {
      const chunk = await reader?.read().catch((error: unknown) => {
        // All there is has come: how the connection ends does not matter.
        if (this.#filled === length) return undefined;
        throw error;
      });
      if (chunk?.value === undefined) break;
      alive();
      this.hasMore = this.#filled + chunk.value.length > length;
      if (this.hasMore) return reader?.cancel();
      this.bytes.set(chunk.value, this.#filled);
      this.#filled += chunk.value.length;
    }
    if (this.#filled < length) {
      throw new NoAnswerError(`The bytes broke off after ${this.#filled} of ${length}.`);
    }
  }

  #anew(message: string): NoAnswerError {
    this.#filled = 0;
    return new NoAnswerError(message);
  }
}

function isFrom(response: Response, start: number): boolean {
  return response.headers.get('content-range')?.startsWith(`bytes ${start}-`) === true;
}

function strongEtag(response: Response): string | null {
  const etag = response.headers.get('etag');
  return etag?.startsWith('"') === true ? etag : null;
}
