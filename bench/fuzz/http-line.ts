import { connect, type Socket } from 'node:net';

export interface HttpAnswer {
  readonly status: number;
  /** Null for a stream that goes on. */
  readonly body: Buffer | null;
}

/** What came of a request: an answer, a connection that ended without one, or nothing in time. */
export type Outcome = HttpAnswer | 'closed' | 'hang';

/** A connection that is kept for one request after another, and made again when the server ended it. */
export class HttpLine {
  readonly #port: number;
  readonly #withinMs: number;
  #socket: Socket | null = null;
  #received: Buffer = Buffer.alloc(0);
  #wake: () => void = () => undefined;

  constructor(url: string, withinMs: number) {
    this.#port = Number(new URL(url).port);
    this.#withinMs = withinMs;
  }

  /** @param whole false: the connection is of no use afterwards, and nothing more is sent than this */
  async send(bytes: Uint8Array, { whole, end = false }: { whole: boolean; end?: boolean }): Promise<Outcome> {
    const reused = this.#socket !== null && !this.#socket.destroyed;
    const first = await this.#try(bytes, end);
    // The server may have ended a kept connection at this very moment.
    const outcome = first === 'closed' && reused && whole ? await this.#try(bytes, end) : first;
    if (!whole || outcome === 'hang' || (outcome !== 'closed' && outcome.body === null)) this.close();
    return outcome;
  }

  close(): void {
    this.#socket?.destroy();
    this.#socket = null;
  }

  async #try(bytes: Uint8Array, end: boolean): Promise<Outcome> {
    const socket = this.#connection();
    this.#received = Buffer.alloc(0);
    if (end) socket.end(bytes);
    else socket.write(bytes);
    const isHead = bytes[0] === 0x48 && bytes[1] === 0x45;
    const deadlineMs = performance.now() + this.#withinMs;
    for (;;) {
      const answer = parseAnswer(this.#received, { isHead, ended: socket.destroyed });
      if (answer !== null) {
        if (answer.closes) this.close();
        return answer;
      }
      if (socket.destroyed) return 'closed';
      const leftMs = deadlineMs - performance.now();
      if (leftMs <= 0) return 'hang';
      await this.#changed(leftMs);
    }
  }

  #connection(): Socket {
    if (this.#socket !== null && !this.#socket.destroyed) return this.#socket;
    const socket = connect({ port: this.#port, host: '127.0.0.1', noDelay: true });
    socket.on('data', (chunk) => {
      if (socket !== this.#socket) return;
      this.#received = Buffer.concat([this.#received, chunk]);
      this.#wake();
    });
    socket.on('error', () => undefined);
    socket.on('end', () => socket.destroy());
    socket.on('close', () => this.#wake());
    this.#socket = socket;
    return socket;
  }

  #changed(withinMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, withinMs);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

function parseAnswer(
  bytes: Buffer,
  { isHead, ended }: { isHead: boolean; ended: boolean },
): (HttpAnswer & { closes: boolean }) | null {
  const headEnd = bytes.indexOf('\r\n\r\n');
  if (headEnd < 0) return null;
  const head = bytes.toString('latin1', 0, headEnd);
  const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1] ?? 0);
  if (status === 100) return parseAnswer(bytes.subarray(headEnd + 4), { isHead, ended });
  const closes = /^connection: close/im.test(head);
  if (/^content-type: text\/event-stream/im.test(head)) return { status, body: null, closes };
  const body = bytes.subarray(headEnd + 4);
  if (isHead || status === 204 || status === 304) return { status, body: Buffer.alloc(0), closes };
  const length = /^content-length: (\d+)/im.exec(head)?.[1];
  if (length !== undefined) {
    const wanted = Number(length);
    return body.length < wanted ? null : { status, body: body.subarray(0, wanted), closes };
  }
  if (/^transfer-encoding: chunked/im.test(head))
    return body.includes('0\r\n\r\n') ? { status, body, closes } : null;
  return ended ? { status, body, closes } : null;
}
