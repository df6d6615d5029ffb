import { downloadParameters, ParametersMismatchError } from '../protocol/client/parameters.js';
import type { PoolIdentity } from '../protocol/client/pool-identity.js';
import type { ApiClient } from '../protocol/client/request.js';
import { readManifest } from '../protocol/client/signed-manifest.js';
import type { Manifest, ModelRecord, ParametersRef, SignedManifest } from '../protocol/model.js';
import { rootHash, sha256Hex } from '../tensors/hash.js';

export interface DownloadedModel {
  readonly record: ModelRecord;
  /** `modelTopology` for TF.js. */
  readonly topology: Readonly<Record<string, unknown>>;
  /** All tensors of `record.tensors`, flattened and concatenated. */
  readonly weights: Float32Array;
}

export interface DownloadedVersion {
  readonly manifest: Manifest;
  readonly weights: Float32Array;
}

/** A model of a Repo with everything that is needed to use it. @throws ParametersMismatchError */
export async function downloadModel(api: ApiClient, repo: string, modelId: string): Promise<DownloadedModel> {
  const record = await api.json<ModelRecord>({ path: `${repo}/models/${modelId}` });
  const [topology, weights] = await Promise.all([
    downloadTopology(api, `${repo}/topologies/${record.topologySha256}`, record.topologySha256),
    downloadWeights(api, `${repo}/models/${modelId}/weights`, record.parameters),
  ]);
  return { record, topology, weights };
}

/** One version of a session. @throws ParametersMismatchError */
export async function downloadVersion(
  api: ApiClient,
  path: string,
  check: (answer: SignedManifest) => Promise<Manifest>,
): Promise<DownloadedVersion> {
  const manifest = await check(await api.json<SignedManifest>({ path }));
  return { manifest, weights: await downloadWeights(api, `${path}/weights`, manifest.parameters) };
}

/** The manifest; what the pool has signed of it, if its key is pinned. @throws {CloudNodeError} a `pool_…` code */
export async function checkManifest(
  identity: PoolIdentity | null,
  { signed, ...manifest }: SignedManifest,
  at: { readonly sessionId: string; readonly version: number },
): Promise<Manifest> {
  if (identity === null) return manifest;
  const { repoId: _, ...said } = await readManifest(identity, signed === undefined ? {} : { signed }, at);
  // The hashes of shards are checked against the signed root hash before they are used.
  return { ...said, parameters: { ...said.parameters, shards: manifest.parameters.shards } };
}

async function downloadWeights(api: ApiClient, path: string, ref: ParametersRef): Promise<Float32Array> {
  if ((await rootHash(ref.shards)) !== ref.sha256) {
    throw new ParametersMismatchError('The hashes of the shards do not belong to the version.');
  }
  const bytes = await downloadParameters(api, { path }, { ...ref, encoding: 'f32' }, sha256Hex);
  return new Float32Array(bytes.buffer);
}

async function downloadTopology(
  api: ApiClient,
  path: string,
  sha256: string,
): Promise<Record<string, unknown>> {
  const bytes = await api.send({ path }, async ({ response }) => response.arrayBuffer());
  const actual = await sha256Hex(new Uint8Array(bytes));
  if (actual !== sha256) {
    throw new ParametersMismatchError(`The topology has the SHA-256 ${actual}, not ${sha256}.`);
  }
  return JSON.parse(new TextDecoder().decode(bytes)) as Record<string, unknown>;
}
