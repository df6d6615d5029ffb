import type { Receipt } from '../../core/session.js';
import type { Committed } from '../../redis/round-store.js';
import type { Place } from './intake-memory.js';

export type NewReceipt = Omit<Receipt, 'receivedMs' | 'blob'>;

/** An update that has come in whole and waits to be counted. */
export interface GroupMember {
  readonly receipt: NewReceipt;
  /** Its bytes, until they are in the sum. */
  place: Place | null;
  readonly sinceMs: number;
  readonly done: Promise<Committed>;
  resolve(committed: Committed): void;
  reject(reason: unknown): void;
}

export function newMember(receipt: NewReceipt, place: Place): GroupMember {
  let resolve: GroupMember['resolve'] = () => undefined;
  let reject: GroupMember['reject'] = () => undefined;
  const done = new Promise<Committed>((yes, no) => {
    [resolve, reject] = [yes, no];
  });
  return { receipt, place, sinceMs: Date.now(), done, resolve, reject };
}

export function releasePlace(member: GroupMember): void {
  member.place?.release();
  member.place = null;
}
