import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket } from 'ws';
import type { Json } from '../helpers/gateway.js';

export interface RawAnswer {
  readonly status: number;
  /** As they came, with line ends. */
  readonly head: string;
  readonly body: string;
  /** Everything, when there were several answers or none. */
  readonly all: string;
}

/** The error of the table that an answer carries. */
export function errorOf(answer: RawAnswer): Json {
  return JSON.parse(answer.body).error;
}

export function port(url: string): number {
  return Number(new URL(url).port);
}

export interface RawOptions {
  /** Give up waiting for the other side to close after this. */
  readonly withinMs?: number;
  /** Sent one after another, with a pause before each. */
  readonly later?: readonly (string | Uint8Array)[];
  readonly everyMs?: number;
}

/** Writes bytes to a connection of its own, and reads until a whole answer is there or the other side closes. */
export async function rawHttp(
  url: string,
  text: string | Uint8Array,
  { withinMs = 5_000, later = [], everyMs = 50 }: RawOptions = {},
): Promise<RawAnswer> {
  const socket = connect(port(url), '127.0.0.1');
  let all = '';
  const done = new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`nothing came in ${withinMs} ms: ${all}`)), withinMs);
    const settle = (): void => {
      clearTimeout(timer);
      resolve();
    };
    socket.on('data', (chunk) => {
      all += chunk.toString('latin1');
      if (isWhole(all)) settle();
    });
    socket.on('error', settle).on('close', settle);
  });
  socket.write(text);
  const rest = sendLater(socket, later, everyMs);
  await done.finally(() => socket.destroy());
  await rest;
  const [head = '', ...body] = all.split('\r\n\r\n');
  return { status: Number(head.split(' ')[1] ?? 0), head, body: body.join('\r\n\r\n'), all };
}

async function sendLater(
  socket: Socket,
  later: readonly (string | Uint8Array)[],
  everyMs: number,
): Promise<void> {
  for (const part of later) {
    await sleep(everyMs);
    if (!socket.writable) return;
    socket.write(part);
  }
}

function isWhole(all: string): boolean {
  const end = all.indexOf('\r\n\r\n');
  const length = /^content-length: (\d+)/im.exec(all)?.[1];
  return end >= 0 && length !== undefined && all.length >= end + 4 + Number(length);
}

/** The text of a request with a JSON body. */
export function request(
  method: string,
  path: string,
  { token = '', body, headers = [] }: { token?: string; body?: string; headers?: readonly string[] } = {},
): string {
  const lines = [
    `${method} ${path} HTTP/1.1`,
    'Host: pool',
    ...(token === '' ? [] : [`Authorization: Bearer ${token}`]),
    ...(body === undefined ? [] : [`Content-Length: ${Buffer.byteLength(body)}`]),
    ...headers,
  ];
  return `${lines.join('\r\n')}\r\n\r\n${body ?? ''}`;
}

export interface RawSocket {
  readonly ws: WebSocket;
  /** Text messages so far. */
  readonly heard: readonly string[];
  /** Code and reason of the end. */
  readonly closed: Promise<{ code: number; reason: string }>;
  /** The first message, past or to come, that begins so. */
  message(start: string): Promise<string>;
}

/** An Engine.IO connection that speaks for itself; nothing is sent but what the test sends, and pongs. */
export async function rawSocket(url: string): Promise<RawSocket> {
  const ws = new WebSocket(`${url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket`);
  const heard: string[] = [];
  let wake: () => void = () => undefined;
  ws.on('message', (data: Buffer) => {
    const text = data.toString();
    if (text === '2') ws.send('3');
    heard.push(text);
    wake();
  });
  ws.on('error', () => undefined);
  const closed = new Promise<{ code: number; reason: string }>((resolve) =>
    ws.on('close', (code, reason) => {
      resolve({ code, reason: reason.toString() });
      wake();
    }),
  );
  const message = async (start: string): Promise<string> => {
    for (;;) {
      const found = heard.find((text) => text.startsWith(start));
      if (found !== undefined) return found;
      if (ws.readyState === WebSocket.CLOSED) throw new Error(`closed before ${start}: ${heard.join(' ')}`);
      await new Promise<void>((resolve) => (wake = resolve));
    }
  };
  await message('0');
  return { ws, heard, closed, message };
}
