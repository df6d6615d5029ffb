import type { JobInput } from '../../protocol/job.js';
import type { TrainingDefaults } from '../../keras/training.js';
import type { NewSession } from './messages.js';

/** What the predecessor once meant to build: a round without an answer for so long is over. */
const ROUND_MS = 600_000;
const JOB_NAME = 'legacy ';

/** How sessions of Explora's own choice of name are found again. */
export function jobNameOf(sessionId: string): string {
  return `${JOB_NAME}${sessionId}`.slice(0, 128);
}

/**
 * The job that a message of 2019 or 2020 describes.
 * @param libraries how many are there: the goal of each round, of which the message wants a share
 */
export function toJob(
  message: NewSession,
  model: { readonly modelId: string; readonly training: TrainingDefaults | null },
  libraries: number,
): JobInput {
  const { batch_size, epochs, shuffle, label_index } = message.hyperparams;
  return {
    name: message.session_id === undefined ? 'legacy' : jobNameOf(message.session_id),
    modelId: model.modelId,
    datasetId: message.dataset_id ?? null,
    hyperparams: {
      ...model.training,
      batchSize: batch_size,
      ...(epochs === undefined ? {} : { epochs }),
      ...(shuffle === undefined ? {} : { shuffle }),
      ...(label_index === undefined ? {} : { labelIndex: label_index }),
    },
    selection: { type: 'all', goal: Math.max(1, libraries) },
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
