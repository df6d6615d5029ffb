import { deltaTowards, seedOf } from '../../bench/lib/trainer.js';
import { encodeFrame, FRAME_CONTENT_TYPE } from '../../src/protocol/frame.js';
import type { TestPool } from '../helpers/pool.js';
import { LIBRARIES, MODEL, SLOW, type Training } from './redis-world.js';

/** The update of the slow Library in the first round, sent once and by hand: to see the answer itself. */
export async function putByHand(
  pool: TestPool,
  { apiKey, session: { sessionId } }: Training,
): Promise<{ status: number; retryAfter: number | null; code: string | null }> {
  const numExamples = LIBRARIES[SLOW] ?? 0;
  const delta = deltaTowards(MODEL.weights, seedOf(SLOW));
  const key = { sessionId, round: 1, attempt: 1, updateId: `u${'1'.repeat(32)}` };
  const header = { ...key, numExamples, encoding: 'f32', metrics: { loss: 0 }, evaluation: null };
  const answer = await pool.fetch('/v1/library/update', {
    method: 'PUT',
    token: apiKey,
    headers: { 'library-id': SLOW, 'content-type': FRAME_CONTENT_TYPE },
    body: encodeFrame(header, new Uint8Array(delta.buffer)) as BodyInit,
  });
  const body = (await answer.json()) as { error?: { code: string } };
  const retryAfter = answer.headers.get('retry-after');
  return {
    status: answer.status,
    retryAfter: retryAfter === null ? null : Number(retryAfter),
    code: body.error?.code ?? null,
  };
}

/** Another process with the identity of the slow Library goes on in its place, quickly. */
export async function relieveSlow(pool: TestPool, { apiKey, libraries }: Training): Promise<void> {
  await libraries.get(SLOW)?.leave();
  const numExamples = LIBRARIES[SLOW] ?? 0;
  await pool.library({ apiKey, libraryId: SLOW, numExamples, trainMs: 50 }).join();
}
