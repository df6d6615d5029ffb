import type { SessionEvent } from '../core/decision.js';
import * as z from 'zod';
import type { WireError } from './errors.js';
import type { LoggedEvent, SessionView } from './http.js';
import * as ids from './ids.js';
import { jobSchema } from './job.js';
import type { LibraryStatus, UpdateAccepted } from './library.js';

/** Every client → server event is acknowledged with this. */
export type Ack<T> = ({ readonly ok: true } & T) | { readonly ok: false; readonly error: WireError };
type Call<T> = (input: unknown, ack: (answer: Ack<T>) => void) => void;

/** Namespace `/library`. */
export interface LibraryToServer {
  'library:join': Call<LibraryStatus>;
  'assignment:get': Call<LibraryStatus>;
  'assignment:accept': Call<LibraryStatus>;
  'assignment:decline': Call<LibraryStatus>;
  'assignment:fail': Call<LibraryStatus>;
  'assignment:progress': Call<object>;
  /** A whole update frame, at most MAX_INLINE_UPDATE_BYTES. */
  'update:put': (frame: Uint8Array, ack: (answer: Ack<UpdateAccepted>) => void) => void;
}

/** "Ask again": why is for the log only; losing one costs at most the poll interval. */
export interface ServerToLibrary {
  'library:hint': (hint: { readonly reason: 'assignment' | 'stop' | 'sync' }) => void;
  /** This gateway is going away: connect again elsewhere after a random part of the time. */
  'server:draining': (notice: { readonly reconnectWithinMs: number }) => void;
  /** The credential is good no more: the connection ends now. */
  'server:closing': (notice: { readonly error: WireError }) => void;
}

/** Sent when a socket connects to `/explora` or `/dashboard`. */
export const tokenAuth = z.strictObject({ token: z.string().min(1).max(8_192), protocolVersion: z.int() });

export const submitJob = z.strictObject({ repoId: ids.repoId, job: z.unknown() });
export const sessionRef = z.strictObject({ repoId: ids.repoId, sessionId: ids.sessionId });
export const cancelJob = sessionRef.extend({ reason: z.string().max(500).default('cancelled by the owner') });
/** From the beginning, or after an event that was seen. */
export const followSession = sessionRef.extend({
  afterEventId: z
    .string()
    .regex(/^\d+-\d+$/)
    .nullable()
    .default(null),
});
export { jobSchema };

/** Namespaces `/explora` and (all but what changes something) `/dashboard`. */
export interface ExploraToServer {
  'job:submit': Call<{ readonly session: SessionView }>;
  'session:get': Call<{ readonly session: SessionView }>;
  'session:pause': Call<{ readonly session: SessionView }>;
  'session:resume': Call<{ readonly session: SessionView }>;
  'session:cancel': Call<{ readonly session: SessionView }>;
  'session:follow': Call<object>;
  'session:unfollow': Call<object>;
}

export interface ServerToExplora {
  'session:event': (message: { readonly repoId: string; readonly sessionId: string } & LoggedEvent) => void;
  'server:draining': (notice: { readonly reconnectWithinMs: number }) => void;
  'server:closing': (notice: { readonly error: WireError }) => void;
}

export type { SessionEvent };
