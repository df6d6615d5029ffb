/**
 * A process that holds many connections, so that no process of clients is busier than the gateway. Commands come as
 * messages; for each thing that all its Libraries must see, their times go back once the last one has.
 */
import { once } from 'node:events';
import { backoffMs, DEFAULT_BACKOFF } from '../../src/protocol/client/backoff.js';
import { nowMs } from '../rounds/library.js';
import { holdConnection } from './idle-library.js';

export type Seen = 'joined' | 'offered' | 'assigned' | 'stopped';
export type HostCommand =
  | {
      readonly kind: 'connect';
      readonly url: string;
      readonly apiKey: string;
      readonly from: number;
      readonly count: number;
      readonly localAddress: string;
      /** How many may be on their way in at once. */
      readonly atOnce: number;
    }
  /** Times from now on count. */
  | { readonly kind: 'watch'; readonly what: Seen }
  | { readonly kind: 'end' };
export type HostMessage =
  | { readonly kind: 'seen'; readonly what: Seen; readonly atMs: readonly number[] }
  | { readonly kind: 'lost'; readonly connections: number; readonly why: string };

const REPORT_LOST_MS = 1_000;
const tell = (message: HostMessage): void => void process.send?.(message);

let size = 0;
const times = new Map<Seen, Map<string, number>>();
function see(what: Seen, libraryId: string): void {
  const seen = times.get(what);
  if (seen === undefined || seen.has(libraryId)) return;
  seen.set(libraryId, nowMs());
  if (seen.size === size) tell({ kind: 'seen', what, atMs: [...seen.values()] });
}

let lost = 0;
let lastReason = '';
function report(): void {
  if (lost > 0) tell({ kind: 'lost', connections: lost, why: lastReason });
  lost = 0;
}

function connect(command: Extract<HostCommand, { kind: 'connect' }>): void {
  const { url, apiKey, localAddress } = command;
  const waiting = Array.from({ length: command.count }, (_, i) => `lib-${command.from + i}`);
  const begun = new Set<string>();
  const next = (): void => {
    const libraryId = waiting.shift();
    if (libraryId !== undefined) hold(libraryId, 0);
  };
  const hold = (libraryId: string, failuresBefore: number): void => {
    let failures = failuresBefore;
    holdConnection({
      ...{ url, apiKey, libraryId, localAddress },
      onJoined: () => {
        failures = 0;
        see('joined', libraryId);
        if (begun.has(libraryId)) return;
        begun.add(libraryId);
        next();
      },
      onHint: (reason) => {
        if (reason === 'assignment') see('offered', libraryId);
        else if (reason === 'stop') see('stopped', libraryId);
      },
      onStatus: ({ assignment }) => {
        if (assignment !== null) see('assigned', libraryId);
      },
      onLost: (why) => {
        lost += 1;
        lastReason = why;
        failures += 1;
        setTimeout(() => hold(libraryId, failures), backoffMs(failures, DEFAULT_BACKOFF, 0));
      },
    });
  };
  for (let i = 0; i < command.atOnce; i++) next();
}

process.on('message', (command: HostCommand) => {
  if (command.kind === 'end') process.exit(0);
  if (command.kind === 'watch') return void times.set(command.what, new Map());
  size = command.count;
  times.set('joined', new Map());
  connect(command);
});
setInterval(report, REPORT_LOST_MS).unref();
await once(process, 'disconnect');
process.exit(0);
