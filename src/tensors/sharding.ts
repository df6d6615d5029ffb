/** Parameters in a shard unless a model says otherwise: 1 MiB of f32. */
export const SHARD_PARAMS = 262_144;

/** Where a shard lies in the flattened parameter vector, in parameters. */
export interface ShardSpan {
  readonly start: number;
  readonly length: number;
}

/**
 * How many shards hold `params` parameters: all of `shardParams`, the last of what is left.
 * @throws RangeError unless both are positive integers.
 */
export function shardCount(params: number, shardParams: number = SHARD_PARAMS): number {
  requirePositive('params', params);
  requirePositive('shardParams', shardParams);
  return Math.ceil(params / shardParams);
}

/**
 * The span of shard number `shard`, counted from 0. Multiply by 4 for bytes of f32.
 * @throws RangeError when there is no such shard.
 */
export function shardSpan(params: number, shardParams: number, shard: number): ShardSpan {
  const count = shardCount(params, shardParams);
  if (!Number.isInteger(shard) || shard < 0 || shard >= count) {
    throw new RangeError(
      `Shard ${shard} does not exist; ${params} parameters have shards 0 to ${count - 1}.`,
    );
  }
  const start = shard * shardParams;
  return { start, length: Math.min(shardParams, params - start) };
}

function requirePositive(name: string, value: number): void {
  if (!Number.isSafeInteger(value) || value < 1) {
    throw new RangeError(`${name} is ${value}; it must be a positive integer.`);
  }
}
