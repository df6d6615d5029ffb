import { PoolIdentity } from '../../protocol/client/pool-identity.js';
import { repoOfKey } from '../../protocol/client/repo-of-key.js';
import { usageError } from '../errors.js';

/**
 * The pool as one of these keys tells it from others, for requests about the Repo of the API key.
 * @throws CliError (usage) when one is no public key
 */
export function pin(poolKeys: readonly string[], apiKey: string): PoolIdentity {
  try {
    return new PoolIdentity(poolKeys, repoOfKey(apiKey));
  } catch (error) {
    throw usageError(`--pool-key: ${(error as Error).message}`);
  }
}
