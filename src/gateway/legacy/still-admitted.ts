import { setTimeout as sleep } from 'node:timers/promises';
import * as ids from '../../protocol/ids.js';
import type { CloudNodeError } from '../../protocol/errors.js';
import { byRequest } from '../audit/by.js';
import { claimedRepo } from '../auth/api-keys.js';
import type { GatewayContext } from '../context.js';
import type { Admitted, Claim } from './admission.js';
import { isRetryable } from './legacy-error.js';
import type { LegacyMessage } from './messages.js';

const WAIT_MS = 100;

/**
 * Before each message of somebody who was let in. One over the rate waits, and the next ones with it in the connection:
 * old clients send once.
 * @throws `unauthenticated`
 */
export async function checkAgain(
  { revocations, limits }: GatewayContext,
  { credential, rate }: Admitted,
  signal: AbortSignal,
): Promise<void> {
  for (let taken = false; !taken;) {
    taken = await limits.rates.take(rate.kind, rate.of).then(
      () => true,
      async (error: unknown) => {
        if (!isRetryable(error)) throw error;
        return sleep(error.retryAfterMs ?? WAIT_MS, false, { signal });
      },
    );
  }
  if (credential !== null) revocations.check(credential);
}

/** Calls `end` when that which let it in is good no more. */
export function endWithCredential(
  { revocations }: GatewayContext,
  { credential }: Admitted,
  { ended, end }: { readonly ended: AbortSignal; readonly end: (why: CloudNodeError) => void },
): void {
  if (credential === null || ended.aborted) return;
  ended.addEventListener('abort', revocations.hold(credential, end));
}

/** In the trail of the Repo that was named, by the message or by the key. */
export function noteRefusal(
  ctx: GatewayContext,
  { credential, from }: Pick<Claim, 'credential' | 'from'>,
  message: LegacyMessage,
): void {
  const { repo_id, api_key } = message as { repo_id?: string; api_key?: string };
  const named = repo_id ?? claimedRepo(api_key ?? credential ?? '');
  const repoId = ids.repoId.safeParse(named).data ?? null;
  const where = `legacy ${message.type}`;
  ctx.audit.refused(byRequest(ctx, from), { repoId, code: 'unauthenticated', where });
}
