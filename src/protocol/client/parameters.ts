import { shardBytes, type DownloadEncoding } from '../../core/encoding.js';
import { ResumableBytes } from './resumable-bytes.js';
import type { ApiClient, ApiRequest } from './request.js';

/** The parameters are not the ones that were named: refused, whoever sent them. */
export class ParametersMismatchError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ParametersMismatchError';
  }
}

/** What is downloaded, and how it is checked. */
export interface ParametersSource {
  readonly encoding: DownloadEncoding;
  readonly shards: readonly string[];
  readonly shardParams: number;
  readonly paramCount: number;
}

/**
 * Downloads parameters and checks each shard against its hash. A download that breaks off goes on where it stopped, at
 * whichever gateway answers then.
 * @param sha256Hex of `src/tensors`, which this folder cannot import
 * @throws {ParametersMismatchError} when a shard or the length differs
 * @throws what {@link ApiClient.json} throws
 */
export async function downloadParameters(
  api: ApiClient,
  request: Pick<ApiRequest, 'path' | 'signal' | 'attempts'>,
  source: ParametersSource,
  sha256Hex: (bytes: Uint8Array) => Promise<string>,
): Promise<Uint8Array<ArrayBuffer>> {
  const { encoding, shards, shardParams, paramCount } = source;
  const download = new ResumableBytes(shardBytes(encoding, paramCount));
  const path = encoding === 'f32' ? request.path : `${request.path}?encoding=${encoding}`;
  await api.send({ ...request, path, headers: () => download.headers() }, (answer) => download.read(answer));
  const { bytes } = download;
  if (download.hasMore) throw new ParametersMismatchError(`More than the ${bytes.length} bytes came.`);
  if (shards.length !== Math.ceil(paramCount / shardParams)) {
    throw new ParametersMismatchError(`${shards.length} hashes do not cover ${paramCount} parameters.`);
  }
  const pieceBytes = shardBytes(encoding, shardParams);
  for (const [shard, expected] of shards.entries()) {
    const actual = await sha256Hex(bytes.subarray(shard * pieceBytes, (shard + 1) * pieceBytes));
    if (actual !== expected) {
      throw new ParametersMismatchError(`Shard ${shard} has the SHA-256 ${actual}, not ${expected}.`);
    }
  }
  return bytes;
}
