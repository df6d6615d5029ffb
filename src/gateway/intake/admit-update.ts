import type { RoundRecord, SessionRecord } from '../../core/session.js';
import { CloudNodeError } from '../../protocol/errors.js';
import type { UpdateHeader } from '../../protocol/library.js';
import type { LibraryRecord } from '../../protocol/records.js';
import { redisNowMs } from '../../redis/context.js';
import type { AttemptRef } from '../../redis/keys.js';
import { examplesOf } from '../../redis/library-store.js';
import { SCRIPT_CODES, scriptError } from '../../redis/script-codes.js';
import type { IntakeDeps } from './intake-deps.js';
import { checkEncoding } from './update-payload.js';

/** An update outlives its round by so much: enough for a slow close, and for clocks. */
const TTL_MARGIN_MS = 3_600_000;

export interface Admitted {
  readonly session: SessionRecord;
  readonly round: RoundRecord;
  readonly at: AttemptRef;
  /** How long its bytes live by themselves. */
  readonly ttlMs: number;
}

export interface AlreadyCounted {
  readonly duplicate: true;
  readonly received: number;
  readonly needed: number;
}

/**
 * Whether the update would be counted if its body is right: everything that can be refused is refused before the body
 * is read. The commit looks again, atomically.
 * @throws what `RoundStore.commit` throws, `session_not_found`, `update_examples_exceeded`, `update_encoding_mismatch`
 */
export async function admitUpdate(
  ctx: IntakeDeps,
  { repoId, libraryId }: { repoId: string; libraryId: string },
  header: UpdateHeader,
): Promise<Admitted | AlreadyCounted> {
  const { stores } = ctx;
  const { sessionId, round: number, attempt } = header;
  const at = { repoId, sessionId, round: number, attempt };
  const refusal = (code: keyof typeof SCRIPT_CODES): CloudNodeError =>
    scriptError(SCRIPT_CODES[code], { ...at, libraryId });

  const [{ record: session }, assignment, library, nowMs] = await Promise.all([
    stores.sessions.get(repoId, sessionId),
    stores.rounds.assignment(at, libraryId),
    stores.libraries.get(repoId, libraryId),
    redisNowMs(stores.context, repoId),
  ]);
  const { round } = session;
  const isCurrent = round !== null && round.number === number && round.attempt === attempt;
  if (assignment === null) throw refusal(isCurrent ? 'notAssigned' : 'roundClosed');
  if (assignment.state === 'received') {
    if (assignment.updateId !== header.updateId) throw refusal('alreadyReceived');
    const received = await stores.rounds.countReceipts(at);
    return { duplicate: true, received, needed: isCurrent ? round.needed : received };
  }
  if (!isCurrent || round.state !== 'collecting') throw refusal('roundClosed');
  if (assignment.state !== 'offered' && assignment.state !== 'accepted') throw refusal('assignmentOver');
  checkEncoding(header, session.job);
  checkExamples(header.numExamples, { session, round, library });
  const untilDeadlineMs = Math.max(0, round.deadlineMs - nowMs);
  return { session, round, at, ttlMs: untilDeadlineMs + session.job.deadlines.closeMs + TTL_MARGIN_MS };
}

/** The scale of the exact sum has room for what was announced when the round opened, and no more. */
function checkExamples(
  numExamples: number,
  { session, round, library }: { session: SessionRecord; round: RoundRecord; library: LibraryRecord | null },
): void {
  const { datasetId } = session.job;
  const announced = library === null ? 0 : examplesOf(library, datasetId);
  const limit = Math.min(announced, round.maxExamples);
  if (numExamples <= limit) return;
  const of = datasetId === null ? 'in its first data set' : `of data set "${datasetId}"`;
  throw new CloudNodeError(
    'update_examples_exceeded',
    `The update says ${numExamples} examples; the Library announced ${announced} ${of}, and this round takes at most ${round.maxExamples}.`,
  );
}
