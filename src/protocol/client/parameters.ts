import type { ParametersRef } from '../model.js';
import { NoAnswerError } from './no-answer.js';
import type { ApiAnswer } from './request.js';

/** The parameters are not the ones that were named: refused, whoever sent them. */
export class ParametersMismatchError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ParametersMismatchError';
  }
}

/**
 * Reads a flat f32 vector as it arrives and checks each shard against its hash.
 * @param sha256Hex of `src/tensors`, which this folder cannot import
 * @throws {ParametersMismatchError} when a shard or the length differs
 * @throws {NoAnswerError} when the body breaks off
 */
export async function readParameters(
  { response, alive }: ApiAnswer,
  ref: Pick<ParametersRef, 'shards' | 'shardParams' | 'paramCount'>,
  sha256Hex: (bytes: Uint8Array) => Promise<string>,
): Promise<Float32Array<ArrayBuffer>> {
  const bytes = await readExactly(response, ref.paramCount * 4, alive);
  const shardBytes = ref.shardParams * 4;
  if (ref.shards.length !== Math.ceil(bytes.length / shardBytes)) {
    throw new ParametersMismatchError(
      `${ref.shards.length} hashes do not cover ${ref.paramCount} parameters.`,
    );
  }
  for (const [shard, expected] of ref.shards.entries()) {
    const actual = await sha256Hex(bytes.subarray(shard * shardBytes, (shard + 1) * shardBytes));
    if (actual !== expected) {
      throw new ParametersMismatchError(`Shard ${shard} has the SHA-256 ${actual}, not ${expected}.`);
    }
  }
  return new Float32Array(bytes.buffer);
}

async function readExactly(
  response: Response,
  length: number,
  alive: () => void,
): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(length);
  let filled = 0;
  const reader = response.body?.getReader();
  for (;;) {
    const chunk = await reader?.read();
    if (chunk?.value === undefined) break;
    alive();
    if (filled + chunk.value.length > length) {
      await reader?.cancel();
      throw new ParametersMismatchError(`More than the ${length} bytes of the parameters came.`);
    }
    bytes.set(chunk.value, filled);
    filled += chunk.value.length;
  }
  if (filled < length)
    throw new NoAnswerError(`The parameters broke off after ${filled} of ${length} bytes.`);
  return bytes;
}
