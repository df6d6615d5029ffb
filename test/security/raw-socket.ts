import { afterEach } from '@jest/globals';
import { WebSocket } from 'ws';
import type { Json } from '../helpers/gateway.js';

/** What the handshake of a namespace answered: a session, or the error of the table. */
export type Handshake = { readonly ok: true } | { readonly ok: false; readonly code: string };

/** Socket.IO 4 by hand: packets as they are on the wire, so that no client library hides anything. */
export interface RawSocket {
  readonly handshake: Handshake;
  /** Events that came, in order. */
  readonly heard: readonly { event: string; data: Json }[];
  readonly closed: Promise<void>;
  readonly isOpen: boolean;
  /** Sends an event and resolves with its acknowledgement; never, when there is none. */
  call(event: string, input?: unknown): Promise<Json>;
  close(): void;
}

const open = new Set<WebSocket>();
afterEach(() => {
  for (const socket of open) socket.terminate();
  open.clear();
});

export async function connectRaw(
  gatewayUrl: string,
  namespace: string,
  auth: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<RawSocket> {
  const url = `${gatewayUrl.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket`;
  const ws = new WebSocket(url, { headers });
  open.add(ws);
  const heard: { event: string; data: Json }[] = [];
  const waiting = new Map<number, (answer: Json) => void>();
  let nextId = 0;
  const closed = new Promise<void>((resolve) => ws.once('close', () => resolve()));
  const handshake = await new Promise<Handshake>((resolve, reject) => {
    ws.once('error', reject);
    ws.once('close', () => reject(new Error('closed before the handshake')));
    ws.on('message', (bytes: Buffer, isBinary) => {
      const text = isBinary ? '' : bytes.toString();
      const [, type, , id = '', body = ''] = /^(\d\d?)(\/\w+,)?(\d*)(.*)$/s.exec(text) ?? [];
      if (type === '0') ws.send(`40${namespace},${JSON.stringify(auth)}`);
      else if (type === '2') ws.send('3');
      else if (type === '40') resolve({ ok: true });
      else if (type === '44') {
        const { data } = JSON.parse(body) as { data?: { code: string } };
        resolve({ ok: false, code: data?.code ?? body });
      } else if (type === '42') {
        const [event, data] = JSON.parse(body) as [string, Json];
        heard.push({ event, data });
      } else if (type === '43') {
        const [answer] = JSON.parse(body) as [Json];
        waiting.get(Number(id))?.(answer);
      }
    });
  });
  return {
    handshake,
    heard,
    closed,
    get isOpen() {
      return ws.readyState === WebSocket.OPEN;
    },
    call: (event, input = {}) => {
      const id = nextId++;
      const answer = new Promise<Json>((resolve) => waiting.set(id, resolve));
      if (input instanceof Uint8Array) {
        ws.send(`451-${namespace},${id}${JSON.stringify([event, { _placeholder: true, num: 0 }])}`);
        ws.send(input);
      } else ws.send(`42${namespace},${id}${JSON.stringify([event, input])}`);
      return answer;
    },
    close: () => ws.close(),
  };
}
