import WebSocket from 'ws';
import type { LibraryStatus } from '../../src/protocol/library.js';
import type { Ack } from '../../src/protocol/socket.js';

export interface IdleLibrary {
  readonly url: string;
  readonly apiKey: string;
  readonly libraryId: string;
  /** Where it connects from: each address has ports of its own. */
  readonly localAddress: string;
  readonly onJoined: () => void;
  readonly onHint: (reason: string) => void;
  /** What it was told when it asked. */
  readonly onStatus: (status: LibraryStatus) => void;
  readonly onLost: (why: string) => void;
}

/**
 * A Library that holds a connection and asks when it is hinted, in Socket.IO's own words on a bare WebSocket: ten
 * thousand real clients would need more memory than the gateway that is measured.
 *
 * Packets: `0…` open, `2`/`3` ping and pong, `40/library,…` connect, `42/library,…` event, `43/library,<n>…` answer.
 * @returns closes it
 */
export function holdConnection(options: IdleLibrary): () => void {
  const { apiKey, libraryId, localAddress } = options;
  const base = options.url.replace(/^http/, 'ws');
  const socket = new WebSocket(`${base}/socket.io/?EIO=4&transport=websocket`, {
    localAddress,
    perMessageDeflate: false,
    skipUTF8Validation: true,
  });
  let joined = false;
  let why = 'closed';
  const emit = (event: string, input: unknown): void =>
    socket.send(`42/library,${joined ? 1 : 0}${JSON.stringify([event, input])}`);

  const answered = (text: string): void => {
    const [answer] = JSON.parse(text) as [Ack<LibraryStatus>];
    if (!answer.ok) {
      why = answer.error.message;
      return socket.close();
    }
    if (!joined) {
      joined = true;
      options.onJoined();
    }
    options.onStatus(answer);
  };
  socket.on('message', (data: Buffer) => {
    const text = data.toString();
    const rest = text.slice(text.indexOf(',') + 1);
    if (text === '2') socket.send('3');
    else if (text.startsWith('0'))
      socket.send(`40/library,${JSON.stringify({ apiKey, libraryId, protocolVersion: 1 })}`);
    else if (text.startsWith('40/library,'))
      emit('library:join', { datasets: [{ datasetId: 'data', numExamples: 1 }] });
    else if (text.startsWith('43/library,')) answered(rest.replace(/^\d+/, ''));
    else if (text.startsWith('42/library,')) {
      const [event, notice] = JSON.parse(rest) as [string, { reason: string }];
      if (event !== 'library:hint') return;
      options.onHint(notice.reason);
      emit('assignment:get', {});
    } else if (text.startsWith('44/library,')) {
      why = rest;
      socket.close();
    }
  });
  // A close follows.
  socket.on('error', (error) => (why = error.message));
  socket.on('close', () => options.onLost(why));
  return () => socket.terminate();
}
