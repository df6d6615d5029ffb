import { blobName, type BlobRef } from '../../blobs/blob-store.js';
import type { SessionRecord } from '../../core/session.js';
import { CloudNodeError } from '../../protocol/errors.js';
import type { Manifest, ParametersRef } from '../../protocol/model.js';
import { versionParameters } from '../../protocol/version-parameters.js';
import type { Stores } from '../../redis/stores.js';
import type { ShardCache } from './shard-cache.js';

/** Where version `version` of the session is; 0 is the model that it started from. @throws `version_not_found` */
export async function findParameters(
  ctx: { readonly stores: Stores },
  session: SessionRecord,
  version: number,
): Promise<ParametersRef> {
  const { repoId, sessionId, job } = session;
  if (version === 0) return (await ctx.stores.models.get(repoId, job.modelId)).parameters;
  const entry = await ctx.stores.sessions.findVersion(repoId, sessionId, version);
  if (entry === null) throw versionNotFound(sessionId, version, session.version);
  return versionParameters(session, entry);
}

export async function readManifest(
  ctx: { readonly stores: Stores },
  session: SessionRecord,
  version: number,
): Promise<Manifest> {
  const [model, parameters] = await Promise.all([
    ctx.stores.models.get(session.repoId, session.job.modelId),
    findParameters(ctx, session, version),
  ]);
  const { format, topologySha256, tensors } = model;
  return { sessionId: session.sessionId, version, format, topologySha256, tensors, parameters };
}

export function parameterRefs(repoId: string, parameters: ParametersRef): BlobRef[] {
  return parameters.shards.map((sha256, shard) => ({
    repoId,
    scope: parameters.scope,
    shard,
    name: blobName.parameters(sha256),
  }));
}

/** The bytes, shard after shard, or of the shards [first, end); each is to be released. @throws `version_not_found` when a shard is gone */
export async function* readParameters(
  shards: ShardCache,
  repoId: string,
  parameters: ParametersRef,
  { first, end }: { readonly first: number; readonly end?: number } = { first: 0 },
): AsyncGenerator<Uint8Array> {
  const refs = parameterRefs(repoId, parameters).slice(first, end);
  const load = (index: number): Promise<Uint8Array | null> => {
    const ref = refs[index];
    const loading = ref === undefined ? Promise.resolve(null) : shards.get(ref);
    // Met when it is its turn, if it ever is.
    loading.catch(() => undefined);
    return loading;
  };
  // The next one comes from the store while this one is sent.
  let next = load(0);
  for (const [index, ref] of refs.entries()) {
    const bytes = await next;
    next = load(index + 1);
    if (bytes === null)
      throw new CloudNodeError(
        'version_not_found',
        `Shard ${ref.shard} of version ${parameters.version} under "${parameters.scope}" is gone.`,
      );
    yield bytes;
  }
}

/** The same for whoever is done with the bytes of a shard when it asks for the next. */
export async function* eachShard(
  shards: ShardCache,
  repoId: string,
  parameters: ParametersRef,
): AsyncGenerator<Uint8Array> {
  for await (const bytes of readParameters(shards, repoId, parameters)) {
    try {
      yield bytes;
    } finally {
      shards.release(bytes);
    }
  }
}

function versionNotFound(sessionId: string, version: number, latest: number): CloudNodeError {
  const why = version > latest ? `the latest is ${latest}` : 'it is not kept any more';
  return new CloudNodeError('version_not_found', `Session "${sessionId}" has no version ${version}: ${why}.`);
}
