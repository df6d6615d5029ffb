import { CloudNodeError } from '../../protocol/errors.js';
import type { Probe } from '../../protocol/probe.js';
import type { GatewayContext } from '../context.js';
import { readWholeModel, type StoredModel } from './whole-model.js';

/**
 * Lets a model of the Repo answer the probe of a job, in the thread that converts Keras files and within its limits.
 * @throws `invalid_job` when the probe is not for this model or takes too long; `model_unsupported` when the model
 * answers otherwise; `payload_too_large`; `gateway_busy`
 */
export async function requireAnswers(
  ctx: GatewayContext,
  { repoId, model, probe }: { repoId: string; model: StoredModel; probe: Probe },
): Promise<void> {
  const bytes = model.parameters.paramCount * 4;
  const limit = ctx.config.MAX_KERAS_BYTES;
  if (bytes > limit)
    throw new CloudNodeError(
      'payload_too_large',
      `The model has ${bytes} bytes; with a probe it may have ${limit} (MAX_KERAS_BYTES). Submit the job without "probe".`,
    );
  await ctx.conversions.run(repoId, async () =>
    ctx.keras.probe(await readWholeModel(ctx, repoId, model), probe),
  );
}
