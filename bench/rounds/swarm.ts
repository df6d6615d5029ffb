/**
 * The process that all Libraries of a measurement live in. First it exchanges bytes with the sink, then with the pool:
 * the same requests, from the same process. Commands come as messages, results go back as messages.
 */
import { once } from 'node:events';
import { exchange, nowMs } from './library.js';
import { examplesOf, updatePayload, type PayloadOptions } from './payload.js';
import { download, upload } from './transfer.js';

export interface SwarmOptions {
  readonly libraries: number;
  readonly downloadBytes: number;
  readonly payload: PayloadOptions;
}
/** When it was noticed in this process, ms since 1970, with fractions. */
export interface Moment {
  readonly libraryId: string;
  readonly round: number;
  readonly atMs: number;
}
export type Command =
  | ({ readonly kind: 'sink'; readonly url: string; readonly rounds: number } & SwarmOptions)
  | ({
      readonly kind: 'pool';
      readonly urls: readonly string[];
      readonly apiKey: string;
      /** Whether all updates are kept back until `go`. */
      readonly hold: boolean;
    } & SwarmOptions)
  | { readonly kind: 'go' }
  | { readonly kind: 'end' };
export type Message =
  | { readonly kind: 'sink'; readonly secondsPerRound: number[] }
  /** A Library heard of a round: of the hint, or without one of the answer to its question. */
  | ({ readonly kind: 'offered' } & Moment)
  /** A Library has its version and could send its update. */
  | ({ readonly kind: 'trained' } & Moment)
  /** A Library's update was acknowledged. */
  | ({ readonly kind: 'counted' } & Moment)
  | { readonly kind: 'error'; readonly message: string };

/** Moments carry their time, so they may come late; each by itself would cost the Libraries more than their messages. */
const TELL_EVERY_MS = 10;
let told: Message[] = [];

function tell(message: Message): void {
  if (told.push(message) > 1) return;
  setTimeout(() => {
    process.send?.(told);
    told = [];
  }, TELL_EVERY_MS);
}

async function sinkRounds(command: Extract<Command, { kind: 'sink' }>): Promise<void> {
  const payload = updatePayload(command.payload);
  const head = new Uint8Array(256);
  const secondsPerRound: number[] = [];
  for (let round = 0; round < command.rounds; round++) {
    const startedMs = performance.now();
    const each = async (): Promise<void> => {
      await download(command.url, {});
      await upload(command.url, { head, payload }, {});
    };
    await Promise.all(Array.from({ length: command.libraries }, each));
    secondsPerRound.push((performance.now() - startedMs) / 1000);
  }
  tell({ kind: 'sink', secondsPerRound });
}

function joinPool(command: Extract<Command, { kind: 'pool' }>): () => void {
  const payload = updatePayload(command.payload);
  const { encoding } = command.payload;
  const libraries = Array.from({ length: command.libraries }, (_, i) => {
    const libraryId = `lib-${i}`;
    const url = command.urls[i % command.urls.length] ?? '';
    return exchange({
      ...{ url, apiKey: command.apiKey, libraryId, payload, encoding, numExamples: examplesOf(i) },
      hold: command.hold ? held : Promise.resolve(),
      onOffered: (round, atMs) => tell({ kind: 'offered', libraryId, round, atMs }),
      onTrained: (round) => tell({ kind: 'trained', libraryId, round, atMs: nowMs() }),
      onCounted: (round) => tell({ kind: 'counted', libraryId, round, atMs: nowMs() }),
      onError: (error) => tell({ kind: 'error', message: `${libraryId}: ${error.message}` }),
    });
  });
  return () => libraries.forEach((library) => library.close());
}

let go: () => void = () => undefined;
const held = new Promise<void>((resolve) => (go = resolve));
let leave: () => void = () => undefined;
process.on('message', (command: Command) => {
  if (command.kind === 'sink')
    sinkRounds(command).catch((error: unknown) => tell({ kind: 'error', message: (error as Error).message }));
  else if (command.kind === 'pool') leave = joinPool(command);
  else if (command.kind === 'go') go();
  else {
    leave();
    process.exit(0);
  }
});
await once(process, 'disconnect');
process.exit(0);
