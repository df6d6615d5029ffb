import type { JobInput } from '../../protocol/job.js';
import type { TrainingDefaults } from '../../keras/training.js';
import type { NewSession } from './messages.js';

/** What the predecessor once meant to build: a round without an answer for so long is over. */
const ROUND_MS = 600_000;

/**
 * The name of a session's job and of its model: what Explora chose to call it, so that it is found again, and the data
 * set. The data set is no condition of the pool: old Libraries do not say what they have before they are asked.
 */
export function jobNameOf(sessionId: string | undefined, datasetId: string | null = null): string {
  const parts = [sessionId ?? '', datasetId ?? ''].map(encodeURIComponent);
  return `legacy/${parts.join('/')}`;
}

export function isNamed(jobName: string, sessionId: string): boolean {
  return jobName.startsWith(`legacy/${encodeURIComponent(sessionId)}/`);
}

/** What Libraries are asked to train on. */
export function datasetOf({
  name,
  datasetId,
}: {
  readonly name: string;
  readonly datasetId: string | null;
}): string | null {
  const named = /^legacy\/[^/]*\/([^/]+)$/.exec(name)?.[1];
  return named === undefined ? datasetId : decodeURIComponent(named);
}

/** The job that a message of 2019 or 2020 describes. */
export function toJob(
  message: NewSession,
  model: { readonly modelId: string; readonly training: TrainingDefaults | null },
): JobInput {
  const { batch_size, epochs, shuffle, label_index } = message.hyperparams;
  return {
    name: jobNameOf(message.session_id, message.dataset_id),
    modelId: model.modelId,
    hyperparams: {
      ...model.training,
      batchSize: batch_size,
      ...(epochs === undefined ? {} : { epochs }),
      ...(shuffle === undefined ? {} : { shuffle }),
      ...(label_index === undefined ? {} : { labelIndex: label_index }),
    },
    // Whoever is there when a round begins; it is their number of which the message wants a share.
    selection: { type: 'all', goal: 1 },
    continuation: {
      type: 'percentageAveraged',
      value: message.continuation_criteria.value,
      minUpdates: 1,
    },
    deadlines: { roundMs: ROUND_MS },
    termination: { maxRounds: message.termination_criteria.value },
    // They are never scored: old Libraries do not answer that.
    evaluation: { on: 'none' },
    checkpointEvery: message.checkpoint_frequency ?? 1,
  };
}
