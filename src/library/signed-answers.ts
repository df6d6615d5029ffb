import type { PoolIdentity } from '../protocol/client/pool-identity.js';
import { readManifest } from '../protocol/client/signed-manifest.js';
import { CloudNodeError } from '../protocol/errors.js';
import type { Assignment, LibraryStatus, StatusStatement } from '../protocol/library.js';
import type { SignedManifest } from '../protocol/model.js';
import { rootHash } from '../tensors/hash.js';
import { countParams } from '../tensors/tensor-specs.js';

/** What a status must be an answer to. */
export interface Question {
  readonly libraryId: string;
  readonly nonce: string;
}

/**
 * The status as the pool signed it: nothing else of the answer is used, but for the hashes of shards, which the signed
 * root hash stands for.
 * @throws {CloudNodeError} one of the `pool_…` codes
 */
export async function readStatus(
  identity: PoolIdentity,
  answer: LibraryStatus,
  { libraryId, nonce }: Question,
): Promise<LibraryStatus> {
  const said = await identity.read<StatusStatement>('status', answer.signed, 'assignment');
  if (said.nonce !== nonce || said.libraryId !== libraryId || said.repoId !== identity.repoId) {
    throw new CloudNodeError(
      'pool_replayed',
      `The assignment is the answer to another question${describe(said.assignment)}.`,
    );
  }
  const { assignment, pollMs, heartbeatMs } = said;
  const status = { libraryId, pollMs, heartbeatMs };
  if (assignment === null) return { ...status, assignment: null };
  const { parameters, download } = assignment;
  return {
    ...status,
    assignment: {
      ...assignment,
      parameters: await withShards(parameters, answer.assignment?.parameters),
      download: download === null ? null : await withShards(download, answer.assignment?.download),
    },
  };
}

/**
 * Checks that the pool signed the version of the assignment as one of this session, and that it is what the assignment
 * says it is.
 * @throws {CloudNodeError} one of the `pool_…` codes
 */
export async function checkManifest(
  identity: PoolIdentity,
  answer: Partial<SignedManifest>,
  assignment: Assignment,
): Promise<void> {
  const { parameters, topologySha256, tensors } = await readManifest(identity, answer, assignment);
  if (
    parameters.sha256 !== assignment.parameters.sha256 ||
    topologySha256 !== assignment.topologySha256 ||
    countParams(tensors) !== assignment.parameters.paramCount
  ) {
    throw new CloudNodeError('pool_altered', 'The manifest and the assignment name different models.');
  }
}

async function withShards<T extends { readonly sha256: string }>(
  signed: T,
  unsigned: { readonly shards?: unknown } | null | undefined,
): Promise<T & { shards: string[] }> {
  const shards = Array.isArray(unsigned?.shards) ? (unsigned.shards as string[]) : [];
  const root = await rootHash(shards).catch(() => null);
  if (root === signed.sha256) return { ...signed, shards };
  throw new CloudNodeError(
    'pool_altered',
    `The hashes of the shards do not make the root hash ${signed.sha256}.`,
  );
}

function describe(assignment: StatusStatement['assignment']): string {
  return assignment === null ? '' : ` (round ${assignment.round}, attempt ${assignment.attempt})`;
}
