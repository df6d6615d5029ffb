import { CloudNodeError } from '../errors.js';
import type { ManifestStatement, SignedManifest } from '../model.js';
import type { PoolIdentity } from './pool-identity.js';

/**
 * The manifest of this very version, as the pool signed it.
 * @throws {CloudNodeError} one of the `pool_…` codes
 */
export async function readManifest(
  identity: PoolIdentity,
  { signed }: Partial<SignedManifest>,
  { sessionId, version }: { readonly sessionId: string; readonly version: number },
): Promise<ManifestStatement> {
  const said = await identity.read<ManifestStatement>('manifest', signed, 'manifest');
  const { repoId } = identity;
  if (said.repoId === repoId && said.sessionId === sessionId && said.version === version) return said;
  throw new CloudNodeError(
    'pool_replayed',
    `The manifest is of version ${said.version} of session ${said.sessionId}, ` +
      `not of version ${version} of session ${sessionId}.`,
  );
}
