import type { Job } from '../../core/job.js';
import type { SessionRecord } from '../../core/session.js';
import type { ModelRecord } from '../../protocol/model.js';
import type { GatewayContext } from '../context.js';
import { findParameters, eachShard } from '../service/parameters.js';

export const WEIGHTS_FILE = 'group1-shard1of1.bin';

/**
 * `model.json` of a version, as TF.js 1 loads it and as old Libraries read it: they compile the model themselves, by
 * `training_config`. The weights are named with their version, so that nobody who is slow mixes two.
 */
export async function legacyModelJson(
  ctx: GatewayContext,
  { repoId, job }: SessionRecord,
  weightsPath: string,
): Promise<object> {
  const model = await ctx.stores.models.get(repoId, job.modelId);
  const topology = JSON.parse(await ctx.stores.models.topology(repoId, model.topologySha256)) as object;
  const { keras_source: _, ...plain } = topology as Record<string, unknown>;
  const weights = model.tensors.map(({ name, shape, dtype }) => ({ name, shape, dtype }));
  return {
    format: 'layers-model',
    generatedBy: 'cloud-node',
    convertedBy: null,
    modelTopology: { ...plain, training_config: trainingConfig(job.hyperparams) },
    weightsManifest: [{ paths: [weightsPath], weights }],
  };
}

/** All parameters of a version. @throws `version_not_found` */
export async function flatParameters(
  ctx: GatewayContext,
  session: SessionRecord,
  version: number,
): Promise<Float32Array<ArrayBuffer>> {
  const parameters = await findParameters(ctx, session, version);
  const flat = new Float32Array(parameters.paramCount);
  const bytes = new Uint8Array(flat.buffer);
  let at = 0;
  for await (const shard of eachShard(ctx.shards, session.repoId, parameters)) {
    bytes.set(shard, at);
    at += shard.length;
  }
  return flat;
}

/** The model with the parameters of a version in the place of those that it came with. */
export async function modelAt(ctx: GatewayContext, session: SessionRecord): Promise<ModelRecord> {
  const [model, parameters] = await Promise.all([
    ctx.stores.models.get(session.repoId, session.job.modelId),
    findParameters(ctx, session, session.version),
  ]);
  return { ...model, parameters };
}

const CLASS_NAMES = {
  sgd: 'SGD',
  momentum: 'SGD',
  adam: 'Adam',
  rmsprop: 'RMSprop',
  adagrad: 'Adagrad',
} as const;

function trainingConfig({ optimizer, loss, metrics }: Job['hyperparams']): object {
  const { type, learningRate, momentum } = optimizer;
  const config = {
    // Libraries of 2019 read the first, later ones the second.
    lr: learningRate,
    learning_rate: learningRate,
    ...(type === 'momentum' ? { momentum: momentum ?? 0.9 } : {}),
  };
  return {
    optimizer_config: { class_name: CLASS_NAMES[type], config },
    loss: loss.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
    metrics,
    sample_weight_mode: null,
    loss_weights: null,
  };
}
