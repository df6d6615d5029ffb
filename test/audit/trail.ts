import { createHash } from 'node:crypto';
import { canonicalJson, hashedText, NO_SHA256, type AuditEntry } from '../../src/protocol/audit.js';
import { verifyAudit, type AuditVerdict } from '../../src/protocol/verify-audit.js';

export const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

export type Unchained = Pick<AuditEntry, 'action' | 'target' | 'count'>;

/** What a trail is made of: entries in a chain, from number `from` on. */
export function chained(entries: readonly Unchained[], from = 1, previous = NO_SHA256): AuditEntry[] {
  let prevSha256 = previous;
  return entries.map((entry, i) => {
    const actor = { kind: 'token' as const, id: 'ada', role: 'owner' };
    const rest = { trail: 'clinic', atMs: 1_000 + i, actor, address: '192.0.2.1', result: 'ok' };
    const unhashed = { v: 1 as const, seq: from + i, ...rest, ...entry, prevSha256 };
    prevSha256 = sha256(hashedText(unhashed));
    return { ...unhashed, sha256: prevSha256 };
  });
}

export const linesOf = (entries: readonly AuditEntry[]): string[] => entries.map(canonicalJson);

export function verify(
  lines: readonly string[],
  expected: { previous?: string; last?: string } = {},
): Promise<AuditVerdict> {
  return verifyAudit(lines, { ...expected, sha256 });
}
