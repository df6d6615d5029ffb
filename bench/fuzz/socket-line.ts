import { WebSocket } from 'ws';

/** What came of a message: the acknowledgement, the end of the connection, or nothing in time. */
export type SocketOutcome = { readonly ack: unknown } | 'closed' | 'hang' | 'sent';

export interface Packet {
  /** As Socket.IO writes it, with `{id}` where the id of the acknowledgement goes. */
  readonly text: string;
  readonly attachments: readonly Uint8Array[];
  /** Whether an acknowledgement must come. */
  readonly wantsAck: boolean;
}

/** What is broken is answered by the end of the connection, or not at all. */
const IDLE_MS = 50;

/** A raw connection to a namespace: Engine.IO and Socket.IO by hand, so that wrong packets can be sent as well. */
export class SocketLine {
  readonly #url: string;
  readonly #namespace: string;
  readonly #withinMs: number;
  readonly #auth: () => unknown;
  readonly #acks = new Map<number, (outcome: SocketOutcome) => void>();
  #ws: WebSocket | null = null;
  #opening: Promise<boolean> | null = null;
  #ids = 0;
  /** What may have broken it. */
  before = '';

  constructor(
    url: string,
    namespace: string,
    options: { readonly withinMs: number; readonly auth: () => unknown },
  ) {
    this.#url = `${url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket`;
    this.#namespace = namespace;
    this.#withinMs = options.withinMs;
    this.#auth = options.auth;
  }

  get isOpen(): boolean {
    return this.#ws?.readyState === WebSocket.OPEN;
  }

  /** @returns false when the namespace did not let it in */
  async open(): Promise<boolean> {
    if (this.isOpen) return true;
    this.#opening ??= this.#connect().finally(() => (this.#opening = null));
    return this.#opening;
  }

  async send({ text, attachments, wantsAck }: Packet): Promise<SocketOutcome> {
    const ws = this.#ws;
    if (ws?.readyState !== WebSocket.OPEN) return 'closed';
    const id = this.#ids++;
    if (!wantsAck) this.before = text;
    const done = new Promise<SocketOutcome>((resolve) => {
      const timer = setTimeout(() => settle(wantsAck ? 'hang' : 'sent'), wantsAck ? this.#withinMs : IDLE_MS);
      const settle = (outcome: SocketOutcome): void => {
        clearTimeout(timer);
        this.#acks.delete(id);
        resolve(outcome);
      };
      this.#acks.set(id, settle);
    });
    ws.send(text.replace('{id}', String(id)));
    for (const attachment of attachments) ws.send(attachment);
    return done;
  }

  close(): void {
    this.#ws?.terminate();
    this.#ws = null;
  }

  #connect(): Promise<boolean> {
    return new Promise((resolve) => {
      const ws = new WebSocket(this.#url);
      const timer = setTimeout(() => ws.terminate(), this.#withinMs);
      const settle = (isOpen: boolean): void => {
        clearTimeout(timer);
        if (!isOpen) ws.terminate();
        resolve(isOpen);
      };
      ws.on('message', (data: Buffer, isBinary) => {
        if (isBinary) return;
        const text = data.toString();
        if (text === '2') ws.send('3');
        else if (text.startsWith('0')) ws.send(`40${this.#namespace},${JSON.stringify(this.#auth())}`);
        else if (text.startsWith(`40${this.#namespace},`)) settle(true);
        else if (text.startsWith('44')) settle(false);
        else this.#onPacket(text);
      });
      ws.on('error', () => undefined);
      ws.on('close', () => {
        for (const ack of [...this.#acks.values()]) ack('closed');
        settle(false);
      });
      this.#ws = ws;
    });
  }

  #onPacket(text: string): void {
    const match = /^43\/\w+,(\d+)(\[.*\])$/s.exec(text);
    if (match?.[1] === undefined) return;
    const [ack] = JSON.parse(match[2] ?? '[]') as [unknown];
    this.#acks.get(Number(match[1]))?.({ ack });
  }
}
