import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import type { AuditHead } from '../protocol/audit.js';
import { verifyAudit, type AuditExpectation, type AuditVerdict } from '../protocol/verify-audit.js';
import type { PoolApi } from './api.js';
import { CliError, EXIT } from './errors.js';

/** Entries asked for at once: a page that breaks off is asked for again. */
const PAGE = 5_000;

/** The lines of a trail up to where it ended when the first were read; `null`: the trail of the pool. */
export async function* trailLines(
  api: PoolApi,
  repoId: string | null,
  after: number,
  onHead: (head: AuditHead) => void = () => undefined,
): AsyncGenerator<string> {
  let head: AuditHead | null = null;
  for (let last = after; head === null || last < head.seq;) {
    const page = await api.audit(repoId, { after: last, limit: PAGE });
    if (head === null) onHead((head = page.head));
    for (const line of page.lines) {
      last = (JSON.parse(line) as { seq: number }).seq;
      if (last <= head.seq) yield line;
    }
    if (page.lines.length === 0) return;
  }
}

/** The lines of a file; `-`: of the standard input. */
export async function* fileLines(file: string): AsyncGenerator<string> {
  const input = file === '-' ? process.stdin : createReadStream(file);
  try {
    yield* createInterface({ input, crlfDelay: Infinity });
  } catch (error) {
    throw new CliError(EXIT.refused, `${file} can not be read: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

export function verifyLines(
  lines: AsyncIterable<string>,
  expected: Omit<AuditExpectation, 'sha256'>,
): Promise<AuditVerdict> {
  const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
  return verifyAudit(lines, { ...expected, sha256 });
}

/** A trail as the pool has it, against the end that the pool names. */
export async function verifyLive(
  api: PoolApi,
  repoId: string | null,
  expected: Omit<AuditExpectation, 'sha256'>,
): Promise<AuditVerdict> {
  let head: AuditHead | null = null;
  const verdict = await verifyLines(
    trailLines(api, repoId, 0, (found) => (head = found)),
    {
      get last() {
        return expected.last ?? head?.sha256;
      },
      previous: expected.previous,
    },
  );
  return verdict;
}
