import type { ModelRecord, TensorSpec } from '../../protocol/model.js';
import type { GatewayContext } from '../context.js';
import { eachShard } from './parameters.js';

/** A model, or a version of a session. */
export type StoredModel = Pick<ModelRecord, 'topologySha256' | 'tensors' | 'parameters'>;

export interface WholeModel {
  readonly topology: Readonly<Record<string, unknown>>;
  readonly tensors: readonly TensorSpec[];
  readonly parameters: Float32Array<ArrayBuffer>;
}

/** All of it in memory: only for what is bounded, and by few at once. */
export async function readWholeModel(
  ctx: GatewayContext,
  repoId: string,
  { topologySha256, tensors, parameters: ref }: StoredModel,
): Promise<WholeModel> {
  const topology = await ctx.stores.models.topology(repoId, topologySha256);
  const parameters = new Float32Array(ref.paramCount);
  const target = new Uint8Array(parameters.buffer);
  let at = 0;
  for await (const shard of eachShard(ctx.shards, repoId, ref)) {
    target.set(shard, at);
    at += shard.length;
  }
  return { topology: JSON.parse(topology) as Record<string, unknown>, tensors, parameters };
}
