import { afterEach } from '@jest/globals';
import { WebSocket } from 'ws';
import type { Json } from '../helpers/gateway.js';
import { eventually } from '../helpers/eventually.js';

const open = new Set<WebSocket>();
afterEach(() => {
  for (const socket of open) socket.terminate();
  open.clear();
});

/** A client as bare as the old ones were: JSON over a WebSocket, nothing else. */
export class OldClient {
  readonly socket: WebSocket;
  readonly seen: Json[] = [];
  readonly closed: Promise<number>;
  #taken = 0;

  private constructor(socket: WebSocket) {
    this.socket = socket;
    this.closed = new Promise((resolve) => socket.once('close', resolve));
    socket.on('message', (data) => this.seen.push(JSON.parse((data as Buffer).toString())));
    socket.on('error', () => undefined);
    open.add(socket);
  }

  static async connect(url: string, headers: Record<string, string> = {}): Promise<OldClient> {
    const client = new OldClient(new WebSocket(url.replace(/^http/, 'ws'), { headers }));
    await new Promise((resolve, reject) => client.socket.once('open', resolve).once('error', reject));
    return client;
  }

  send(message: object): void {
    this.socket.send(JSON.stringify(message));
  }

  /** The next message that was not taken yet. */
  async next(withinMs = 15_000): Promise<Json> {
    await eventually(() => this.seen.length > this.#taken, { withinMs });
    return this.seen[this.#taken++];
  }

  /** Whether nothing came that was not taken. */
  get isQuiet(): boolean {
    return this.seen.length === this.#taken;
  }
}

export interface OldModel {
  readonly topology: Json;
  readonly shapes: readonly number[][];
  readonly weights: Float32Array;
}

/** As `tf.loadLayersModel` of TF.js 1 does: model.json, then the files that it names, beside it. */
export async function loadOldModel(url: string): Promise<OldModel> {
  const json = await (await fetch(url)).json();
  const [{ paths, weights: specs }] = json.weightsManifest;
  const bytes = await (await fetch(new URL(paths[0] as string, url))).arrayBuffer();
  const shapes = (specs as { shape: number[] }[]).map(({ shape }) => shape);
  return { topology: json.modelTopology, shapes, weights: new Float32Array(bytes) };
}
