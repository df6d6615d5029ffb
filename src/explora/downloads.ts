import { downloadParameters, ParametersMismatchError } from '../protocol/client/parameters.js';
import type { ApiClient } from '../protocol/client/request.js';
import type { Manifest, ModelRecord, ParametersRef } from '../protocol/model.js';
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
export async function downloadVersion(api: ApiClient, version: string): Promise<DownloadedVersion> {
  const manifest = await api.json<Manifest>({ path: version });
  return { manifest, weights: await downloadWeights(api, `${version}/weights`, manifest.parameters) };
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
