import { io } from 'socket.io-client';
import { frameHead } from '../../src/protocol/frame.js';
import type { Assignment, LibraryStatus } from '../../src/protocol/library.js';
import type { Ack } from '../../src/protocol/socket.js';
import { download, upload } from './transfer.js';

export interface Exchange {
  readonly url: string;
  readonly apiKey: string;
  readonly libraryId: string;
  readonly numExamples: number;
  /** What it says it learned, in each round. */
  readonly payload: Uint8Array;
  readonly encoding: string;
  /** Updates are sent once this is fulfilled. */
  readonly hold: Promise<void>;
  readonly onOffered: (round: number, atMs: number) => void;
  readonly onTrained: (round: number) => void;
  readonly onCounted: (round: number) => void;
  readonly onError: (error: Error) => void;
}

/** The same clock in every process of this machine, finer than `Date.now()`; ms since 1970. */
export function nowMs(): number {
  return performance.timeOrigin + performance.now();
}

/**
 * A Library without a model: it follows the protocol, downloads each version and sends an update that was made before.
 * Nothing is trained and nothing is checked, so that what is measured is the pool.
 */
export function exchange(options: Exchange): { close(): void } {
  const { url, apiKey, libraryId, numExamples, payload, encoding } = options;
  const headers = { authorization: `Bearer ${apiKey}`, 'library-id': libraryId };
  const auth = { apiKey, libraryId, protocolVersion: 1 };
  const socket = io(`${url}/library`, { transports: ['websocket'], forceNew: true, auth });
  let busy = '';
  let askAgain = false;
  let hintedMs: number | null = null;

  const call = async <T>(event: string, input: unknown): Promise<T> => {
    const answer = (await socket.timeout(60_000).emitWithAck(event, input)) as Ack<T>;
    if (!answer.ok) throw new Error(`${event}: ${answer.error.message}`);
    return answer;
  };
  const take = async (assignment: Assignment): Promise<void> => {
    const { sessionId, round, attempt, version } = assignment;
    const at = { sessionId, round, attempt };
    const weights = `${url}/v1/library/sessions/${sessionId}/versions/${version}/weights`;
    await Promise.all([call('assignment:accept', at), download(weights, headers)]);
    options.onTrained(round);
    await options.hold;
    const updateId = `u-${libraryId}-${round}-${attempt}`;
    const head = frameHead({ ...at, updateId, numExamples, encoding });
    await upload(`${url}/v1/library/update`, { head, payload }, headers);
    options.onCounted(round);
  };
  const look = async (status: LibraryStatus): Promise<void> => {
    const { assignment } = status;
    if (assignment === null || assignment.state === 'received') return;
    const key = `${assignment.sessionId} ${assignment.round}.${assignment.attempt}`;
    if (key === busy) return;
    busy = key;
    options.onOffered(assignment.round, hintedMs ?? nowMs());
    hintedMs = null;
    try {
      await take(assignment);
    } catch (error) {
      options.onError(error as Error);
      busy = '';
    }
    if (askAgain) await ask();
  };
  const ask = async (): Promise<void> => {
    askAgain = false;
    await look(await call<LibraryStatus>('assignment:get', {}));
  };
  const noticed = (): void => {
    askAgain = true;
    ask().catch((error: unknown) => options.onError(error as Error));
  };
  socket.on('library:hint', ({ reason }: { reason: string }) => {
    if (reason === 'assignment') hintedMs ??= nowMs();
    noticed();
  });
  socket.on('connect_error', options.onError);
  socket.on('connect', () => {
    call<LibraryStatus>('library:join', { datasets: [{ datasetId: 'data', numExamples }] })
      .then(look)
      .catch((error: unknown) => options.onError(error as Error));
  });
  return { close: () => void socket.disconnect() };
}
