import type { Signed, SuccessorStatement } from '../../protocol/identity.js';
import { successorChain, successorStatement } from '../../protocol/proof.js';
import type { PoolKey } from './pool-key.js';
import { isSignedBy, signStatement } from './sign.js';

/**
 * Reads POOL_SUCCESSORS: each link is signed by the key that the link before it hands over to.
 * @throws TypeError that says which link is wrong
 */
export function parseSuccessors(text: string): readonly Signed[] {
  const chain = successorChain.safeParse(parseJson(text));
  if (!chain.success) throw new TypeError('use the JSON that `cloud-node pool-key rotate` writes');
  chain.data.forEach((link, at) => {
    if (!isSignedBy(link, 'successor')) throw new TypeError(`link ${at} has a wrong signature`);
    const before = chain.data[at - 1];
    if (before !== undefined && successorOf(before).publicKey !== link.publicKey)
      throw new TypeError(`link ${at} is not signed by the key that link ${at - 1} hands over to`);
    successorOf(link);
  });
  return chain.data;
}

/** What a link says. */
export function successorOf({ statement }: Signed): SuccessorStatement {
  return successorStatement.parse(parseJson(statement));
}

/** The old key hands over to the new one, from `notBeforeMs` (ms since 1970) on. */
export function signSuccessor(oldKey: PoolKey, next: SuccessorStatement): Signed {
  const { publicKey, notBeforeMs } = next;
  return signStatement(oldKey, 'successor', { publicKey, notBeforeMs });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return null;
  }
}
