import { useEffect, useState } from 'preact/hooks';
import { io, type Socket } from 'socket.io-client';
import type { WireError } from '../../protocol/errors.js';
import { PROTOCOL_VERSION } from '../../protocol/ids.js';
import type { LoggedEvent } from '../../protocol/http.js';
import { signedInAs, signOut } from './token.js';

export type LiveState = 'connecting' | 'live' | 'reconnecting';
type Listener = (event: LoggedEvent) => void;

interface Follow {
  readonly repoId: string;
  readonly sessionId: string;
  /** Where to go on after a reconnect: nothing is missed and nothing comes twice. */
  lastId: string | null;
  readonly listener: Listener;
}

let socket: Socket | null = null;
let state: LiveState = 'connecting';
const stateListeners = new Set<(state: LiveState) => void>();
const follows = new Set<Follow>();

/** Follows a session from its first kept event until the returned function is called. */
export function follow(session: { repoId: string; sessionId: string }, listener: Listener): () => void {
  const entry: Follow = { ...session, lastId: null, listener };
  follows.add(entry);
  const open = connect();
  if (open.connected) ask(open, entry);
  return () => {
    follows.delete(entry);
    open.emit('session:unfollow', session, () => undefined);
  };
}

export function disconnect(): void {
  socket?.disconnect();
  socket = null;
  setState('connecting');
}

/** How it stands with the connection; connects. */
export function useLiveState(): LiveState {
  const [value, setValue] = useState(state);
  useEffect(() => {
    connect();
    setValue(state);
    stateListeners.add(setValue);
    return () => void stateListeners.delete(setValue);
  }, []);
  return value;
}

function connect(): Socket {
  if (socket !== null) return socket;
  const opened = io('/dashboard', {
    path: '/socket.io',
    transports: ['websocket'],
    auth: { token: signedInAs()?.token ?? '', protocolVersion: PROTOCOL_VERSION },
    reconnectionDelay: 500,
    reconnectionDelayMax: 10_000,
    randomizationFactor: 0.9,
  });
  socket = opened;
  opened.on('connect', () => {
    setState('live');
    for (const entry of follows) ask(opened, entry);
  });
  opened.on('disconnect', () => {
    setState('reconnecting');
    // A gateway that ends the connection says "io server disconnect", after which the client waits to be told.
    if (socket === opened && !opened.active)
      setTimeout(() => void (socket === opened && opened.connect()), 500);
  });
  opened.on('connect_error', (error: Error & { data?: { code?: string } }) => {
    setState('reconnecting');
    if (error.data?.code === 'unauthenticated') signOut();
    else if (!opened.active) setTimeout(() => void (socket === opened && opened.connect()), 2_000);
  });
  opened.on('session:event', (logged: LoggedEvent & { repoId: string; sessionId: string }) => {
    for (const entry of follows) {
      if (entry.sessionId !== logged.sessionId || entry.repoId !== logged.repoId) continue;
      if (entry.lastId !== null && !isAfter(logged.id, entry.lastId)) continue;
      entry.lastId = logged.id;
      entry.listener(logged);
    }
  });
  return opened;
}

function ask(open: Socket, entry: Follow): void {
  const { repoId, sessionId, lastId } = entry;
  const answered = (answer: { ok: boolean; error?: WireError }): void => {
    if (answer.error?.retryable !== true) return;
    // A gateway that is busy. After a reconnect it is asked in any case.
    setTimeout(() => {
      if (follows.has(entry) && socket === open && open.connected) ask(open, entry);
    }, answer.error.retryAfterMs ?? 2_000);
  };
  open.emit('session:follow', { repoId, sessionId, afterEventId: lastId }, answered);
}

/** Ids are "<ms>-<sequence>". */
function isAfter(id: string, other: string): boolean {
  const [ms = 0, sequence = 0] = id.split('-').map(Number);
  const [otherMs = 0, otherSequence = 0] = other.split('-').map(Number);
  return ms > otherMs || (ms === otherMs && sequence > otherSequence);
}

function setState(next: LiveState): void {
  state = next;
  for (const listener of stateListeners) listener(next);
}
