import {
  auditEntry,
  canonicalJson,
  hashedText,
  NO_SHA256,
  type AuditEntry,
  type AuditHead,
} from './audit.js';

export interface AuditFault {
  /** Of the first line that is not as it was written, from 1; one more than there are lines when the end is missing. */
  readonly line: number;
  readonly seq: number | null;
  readonly kind: 'altered' | 'removed' | 'inserted' | 'reordered' | 'truncated';
  readonly message: string;
}

export interface AuditVerdict {
  readonly ok: boolean;
  readonly entries: number;
  readonly firstSeq: number | null;
  readonly last: AuditHead | null;
  readonly fault: AuditFault | null;
}

export interface AuditExpectation {
  /** Hash of the entry before the first line; without it the trail begins at 1, or a later entry vouches for the start. */
  readonly previous?: string | undefined;
  /** Hash of the last entry, from somewhere else than the file. */
  readonly last?: string | undefined;
  readonly sha256: (text: string) => string;
}

type Lines = AsyncIterable<string> | Iterable<string>;

/** Checks a trail line by line, keeping one entry at a time, and says which line is the first that is wrong. */
export async function verifyAudit(lines: Lines, expected: AuditExpectation): Promise<AuditVerdict> {
  let line = 0;
  let first: AuditEntry | null = null;
  let before: AuditEntry | null = null;
  let vouched = false;
  const broken: { fault: AuditFault; missing: number }[] = [];
  for await (const text of lines) {
    line += 1;
    const [found] = broken;
    if (found !== undefined) {
      // Only to tell entries that are elsewhere from those that are gone.
      if (readEntry(text, expected)?.seq === found.missing)
        return verdict(first, before, line, { ...found.fault, kind: 'reordered', message: REORDERED });
      continue;
    }
    const entry = readEntry(text, expected);
    const fault = entry === null ? altered(line, before) : linkFault(line, before, entry);
    if (fault !== null) {
      if (fault.kind !== 'removed') return verdict(first, before, line, fault);
      broken.push({ fault, missing: (before?.seq ?? 0) + 1 });
      continue;
    }
    first ??= entry;
    vouched ||= entry !== null && first !== null && vouchesFor(entry, first);
    before = entry;
  }
  const fault = broken[0]?.fault ?? startFault(first, vouched, expected) ?? endFault(line, before, expected);
  return verdict(first, before, line, fault);
}

const REORDERED = 'The entries are not in the order in which they were written.';

/** The entry of a line that is exactly what its hash was made of; any other byte makes it null. */
function readEntry(text: string, { sha256 }: AuditExpectation): AuditEntry | null {
  try {
    const entry = auditEntry.parse(JSON.parse(text));
    return text === canonicalJson(entry) && sha256(hashedText(entry)) === entry.sha256 ? entry : null;
  } catch {
    return null;
  }
}

function altered(line: number, before: AuditEntry | null): AuditFault {
  const seq = before === null ? null : before.seq + 1;
  return { line, seq, kind: 'altered', message: 'The line is not what its hash was made of.' };
}

function linkFault(line: number, before: AuditEntry | null, entry: AuditEntry): AuditFault | null {
  if (before === null) return null;
  const { seq } = entry;
  const fault = (kind: AuditFault['kind'], message: string): AuditFault => ({ line, seq, kind, message });
  if (entry.trail !== before.trail)
    return fault('inserted', `It is of the trail "${entry.trail}", not of "${before.trail}".`);
  if (seq > before.seq + 1)
    return fault('removed', `Entry ${before.seq + 1} should stand here: it comes after ${before.seq}.`);
  if (seq <= before.seq) return fault('inserted', `Entry ${seq} comes after ${before.seq}.`);
  if (entry.prevSha256 !== before.sha256)
    return fault(
      'altered',
      `Entry ${before.seq} or ${seq} was replaced: the hash of the one is not in the other.`,
    );
  return null;
}

/** Where older entries were dropped by the pool, it wrote down the hash of the last of them. */
function vouchesFor({ action, target }: AuditEntry, first: AuditEntry): boolean {
  return (
    action === 'trail.trimmed' &&
    target['throughSeq'] === first.seq - 1 &&
    target['throughSha256'] === first.prevSha256
  );
}

function startFault(
  first: AuditEntry | null,
  vouched: boolean,
  { previous }: AuditExpectation,
): AuditFault | null {
  if (first === null) return null;
  const { seq, prevSha256 } = first;
  const fault = (message: string): AuditFault => ({ line: 1, seq, kind: 'truncated', message });
  if (previous !== undefined)
    return prevSha256 === previous
      ? null
      : fault('It does not come after the entry with the hash that was given.');
  if (seq === 1) return prevSha256 === NO_SHA256 ? null : fault('The first entry names one before it.');
  return vouched
    ? null
    : fault(`The entries before ${seq} are missing, and no entry says that the pool dropped them.`);
}

function endFault(
  lines: number,
  before: AuditEntry | null,
  { last, previous }: AuditExpectation,
): AuditFault | null {
  if (last === undefined || (before?.sha256 ?? previous ?? NO_SHA256) === last) return null;
  const seq = before === null ? null : before.seq + 1;
  const message = 'The last entry is not the expected one: the end is missing, or was written anew.';
  return { line: lines + 1, seq, kind: 'truncated', message };
}

function verdict(
  first: AuditEntry | null,
  before: AuditEntry | null,
  entries: number,
  fault: AuditFault | null,
): AuditVerdict {
  const last = before === null ? null : { seq: before.seq, sha256: before.sha256 };
  return { ok: fault === null, entries, firstSeq: first?.seq ?? null, last, fault };
}
