import { useEffect, useState } from 'preact/hooks';
import { claims, type Claims } from '../../protocol/http.js';

/** Kept until the tab is closed, and in no other tab. */
const STORED_AS = 'cloud-node.token';

export interface SignedIn {
  readonly token: string;
  readonly claims: Claims;
}

let current: SignedIn | null = null;
const listeners = new Set<() => void>();

/** What a token says of itself; null when it is no token. Whether it is genuine only the pool knows. */
export function readToken(token: string): SignedIn | null {
  try {
    const [, payload = ''] = token.trim().split('.');
    const bytes = Uint8Array.from(atob(payload.replace(/-/g, '+').replace(/_/g, '/')), (c) =>
      c.charCodeAt(0),
    );
    const parsed = claims.safeParse(JSON.parse(new TextDecoder().decode(bytes)));
    return parsed.success ? { token: token.trim(), claims: parsed.data } : null;
  } catch {
    return null;
  }
}

export function restore(): void {
  const stored = readToken(sessionStorage.getItem(STORED_AS) ?? '');
  if (stored !== null && stored.claims.exp * 1000 > Date.now()) current = stored;
}

export function signIn(signedIn: SignedIn): void {
  sessionStorage.setItem(STORED_AS, signedIn.token);
  change(signedIn);
}

export function signOut(): void {
  sessionStorage.removeItem(STORED_AS);
  change(null);
}

export function signedInAs(): SignedIn | null {
  return current;
}

/** Whether the holder may submit, cancel, pause and promote. */
export function mayWrite(): boolean {
  return current !== null && current.claims.role !== 'dashboard';
}

export function mayManageKeys(): boolean {
  return current?.claims.role === 'admin' || current?.claims.role === 'owner';
}

export function useSignedIn(): SignedIn | null {
  const [value, setValue] = useState(current);
  useEffect(() => {
    const update = (): void => setValue(current);
    listeners.add(update);
    return () => void listeners.delete(update);
  }, []);
  return value;
}

function change(next: SignedIn | null): void {
  current = next;
  for (const listener of listeners) listener();
}
