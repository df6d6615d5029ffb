import { CloudNodeError } from '../../protocol/errors.js';
import type { Logger } from '../../telemetry/logger.js';
import { repeat, type Repeating } from '../../telemetry/repeat.js';
import { publishHint } from '../../redis/hints.js';
import type { Revocation } from '../../redis/revocation-log.js';
import type { Stores } from '../../redis/stores.js';
import { inBackground } from '../service/in-background.js';

/** Hints come sooner; this is for those that were lost. */
const POLL_MS = 400;
/** What was read lately is read again: a Redis that took over may have an earlier clock. */
const OVERLAP_MS = 60_000;

/** What opens a connection, as far as it can end. `endsMs` null: by revocation only. */
export type Credential =
  | { readonly kind: 'key'; readonly repoId: string; readonly keyId: string; readonly endsMs: number | null }
  | {
      readonly kind: 'token';
      readonly jti: string | null;
      readonly sub: string;
      /** 0 when the token does not say: older than every revocation of its subject. */
      readonly issuedMs: number;
      readonly endsMs: number;
    };

/** Of whoever showed an API key. */
export function keyCredential(key: { repoId: string; keyId: string; expiresMs: number | null }): Credential {
  const { repoId, keyId, expiresMs } = key;
  return { kind: 'key', repoId, keyId, endsMs: expiresMs };
}

interface Held {
  readonly credential: Credential;
  readonly end: (why: CloudNodeError) => void;
}

/**
 * What was revoked in the whole pool, kept in memory so that looking costs nothing, and read on from the log: at once
 * when a hint comes, else several times a second. Ends what is held open by a credential that is good no more.
 */
export class Revocations {
  readonly #stores: Stores;
  readonly #log: Logger;
  readonly #keepMs: number;
  /** name → when it was revoked; for a subject also what of it. */
  readonly #revoked = new Map<string, { atMs: number; issuedBeforeMs: number }>();
  readonly #held = new Set<Held>();
  #lastMs = 0;
  #reading: Promise<void> = Promise.resolve();
  #next: Promise<void> | null = null;
  #polling: Repeating | null = null;
  #sweeping: NodeJS.Timeout | undefined;

  /** `keepMs`: the longest life of a token; an older revocation is about nothing. */
  constructor(stores: Stores, { log, keepMs }: { log: Logger; keepMs: number }) {
    this.#stores = stores;
    this.#log = log;
    this.#keepMs = keepMs;
  }

  start(): void {
    this.#polling = repeat(
      POLL_MS,
      () => this.refresh(),
      (error) => this.#log.warn({ err: (error as Error).message }, 'revocations not read'),
    );
    // Time goes on while Redis does not answer.
    this.#sweeping = setInterval(() => this.#sweep(), POLL_MS);
  }

  async stop(): Promise<void> {
    clearInterval(this.#sweeping);
    await this.#polling?.stop();
  }

  /** Revokes in the whole pool. When it resolves every gateway will know within a second, this one knows. */
  async revoke(what: Revocation): Promise<void> {
    // Asking again and again must not make the log longer.
    if (what.kind !== 'subject' && this.#revoked.has(nameOf(what))) return;
    const { revocations, context } = this.#stores;
    await revocations.append(what, this.#keepMs);
    inBackground({ log: this.#log }, 'revoked', publishHint(context, { kind: 'revoked' }));
    await this.refresh();
  }

  /** Reads on, and ends what has to end. What was appended before the call is known when it resolves. */
  refresh(): Promise<void> {
    // A reading that runs may have begun too early: the next one serves all who ask meanwhile.
    this.#next ??= this.#reading
      .catch(() => undefined)
      .then(() => {
        this.#next = null;
        this.#reading = this.#read();
        return this.#reading;
      });
    return this.#next;
  }

  /** @throws `unauthenticated` when the credential is good no more */
  check(credential: Credential): void {
    const problem = this.#problem(credential);
    if (problem !== null) throw problem;
  }

  /**
   * Calls `end` once, as soon as the credential is good no more; at once if that is now.
   * @returns a function that lets go of it
   */
  hold(credential: Credential, end: (why: CloudNodeError) => void): () => void {
    const held = { credential, end };
    this.#held.add(held);
    this.#endIfOver(held);
    return () => this.#held.delete(held);
  }

  async #read(): Promise<void> {
    const sinceMs = Math.max(0, this.#lastMs - OVERLAP_MS);
    for (const { atMs, revocation } of await this.#stores.revocations.read(sinceMs)) {
      const name = nameOf(revocation);
      const issuedBeforeMs = revocation.kind === 'subject' ? revocation.issuedBeforeMs : Infinity;
      const known = this.#revoked.get(name)?.issuedBeforeMs ?? 0;
      this.#revoked.set(name, { atMs, issuedBeforeMs: Math.max(known, issuedBeforeMs) });
      this.#lastMs = Math.max(this.#lastMs, atMs);
    }
    const oldestMs = Date.now() - this.#keepMs;
    for (const [name, { atMs }] of this.#revoked) if (atMs < oldestMs) this.#revoked.delete(name);
    this.#sweep();
  }

  #sweep(): void {
    for (const held of this.#held) this.#endIfOver(held);
  }

  #endIfOver(held: Held): void {
    const problem = this.#problem(held.credential);
    if (problem === null || !this.#held.delete(held)) return;
    held.end(problem);
  }

  #problem(credential: Credential): CloudNodeError | null {
    const what = credential.kind === 'key' ? `API key "${credential.keyId}"` : 'token';
    if (credential.endsMs !== null && Date.now() >= credential.endsMs)
      return new CloudNodeError('unauthenticated', `The ${what} has expired.`);
    if (!this.#isRevoked(credential)) return null;
    return new CloudNodeError('unauthenticated', `The ${what} was revoked.`);
  }

  #isRevoked(credential: Credential): boolean {
    if (credential.kind === 'key') return this.#revoked.has(nameOf(credential));
    const { jti, sub, issuedMs } = credential;
    if (jti !== null && this.#revoked.has(nameOf({ kind: 'token', jti }))) return true;
    const ofSubject = this.#revoked.get(nameOf({ kind: 'subject', sub }));
    return ofSubject !== undefined && issuedMs < ofSubject.issuedBeforeMs;
  }
}

function nameOf(
  what:
    | { kind: 'key'; repoId: string; keyId: string }
    | { kind: 'token'; jti: string }
    | { kind: 'subject'; sub: string },
): string {
  if (what.kind === 'key') return `key ${what.repoId}/${what.keyId}`;
  return what.kind === 'token' ? `token ${what.jti}` : `subject ${what.sub}`;
}
