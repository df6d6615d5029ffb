import * as z from 'zod';
import { DOWNLOAD_ENCODINGS, MAX_F16, UPDATE_ENCODINGS } from '../core/encoding.js';
import type { Job } from '../core/job.js';
import * as ids from './ids.js';
import { jobProbe } from './probe.js';

const DAY_MS = 86_400_000;
const count = (max: number): z.ZodNumber => z.int().min(1).max(max);
const durationMs = (minMs = 1): z.ZodNumber =>
  z
    .int()
    .min(minMs)
    .max(30 * DAY_MS);

const optimizer = z.strictObject({
  type: z
    .enum(['sgd', 'momentum', 'adam', 'rmsprop', 'adagrad'])
    .default('sgd')
    .describe('Local optimizer of each Library.'),
  learningRate: z.number().positive().max(1e3).default(0.05).describe('Local learning rate.'),
  momentum: z.number().min(0).lt(1).optional().describe('Only for type "momentum".'),
});

const hyperparams = z.strictObject({
  batchSize: count(1_000_000).describe('Examples per local step. Required.'),
  epochs: count(10_000).default(1).describe('Local passes over the data in each round.'),
  shuffle: z.boolean().default(true).describe('Shuffle the data before each local epoch.'),
  optimizer: optimizer.prefault({}),
  loss: z.string().min(1).max(64).default('categoricalCrossentropy').describe('A TF.js loss.'),
  metrics: z.array(z.string().min(1).max(64)).max(16).default(['accuracy']).describe('TF.js metrics.'),
  labelIndex: z
    .int()
    .min(-1_000_000)
    .max(1_000_000)
    .default(-1)
    .describe('Label column of row data; negative counts from the end.'),
});

const selection = z.strictObject({
  type: z
    .enum(['random', 'all'])
    .default('random')
    .describe('"all" takes every eligible Library, "random" goal × overSelection of them.'),
  goal: count(100_000).default(10).describe('Updates that a round aims at.'),
  overSelection: z
    .number()
    .min(1)
    .max(10)
    .default(1.3)
    .describe('Factor of Libraries asked over the goal, for those that drop out.'),
  minExamples: z.int().min(1).default(1).describe('Libraries with fewer examples are not asked.'),
  maxExamples: z
    .int()
    .min(1)
    .nullable()
    .default(null)
    .describe('Libraries with more are not asked: bounds what one weighs in the average.'),
});

const continuation = z
  .strictObject({
    type: z
      .enum(['percentageAveraged', 'count'])
      .default('percentageAveraged')
      .describe('What value counts.'),
    value: z
      .number()
      .positive()
      .default(0.75)
      .describe('Share of the goal in (0, 1], or a number of updates, that closes the round early.'),
    minUpdates: count(100_000)
      .optional()
      .describe(
        'Fewer at the deadline and the round is tried again. Default: the smaller of 3 and the goal.',
      ),
  })
  .refine((c) => c.type !== 'percentageAveraged' || c.value <= 1, {
    path: ['value'],
    message: 'percentageAveraged takes a share in (0, 1]',
  })
  .refine((c) => c.type !== 'count' || Number.isInteger(c.value), {
    path: ['value'],
    message: 'count takes a whole number',
  });

const deadlines = z.strictObject({
  recruitMs: durationMs()
    .default(60_000)
    .describe('Wait for enough Libraries, then start with fewer (at least minUpdates) or fail.'),
  roundMs: durationMs().default(120_000).describe('Time a round collects updates.'),
  closeMs: durationMs(1_000).default(600_000).describe('Time the pool may take to aggregate a closed round.'),
  evaluateMs: durationMs().default(60_000).describe('Time the last version may wait for its score.'),
  maxRoundRetries: z
    .int()
    .min(0)
    .max(1_000)
    .default(3)
    .describe('Retries of an abandoned round before the session fails.'),
  pauseMs: durationMs()
    .default(7 * DAY_MS)
    .describe('Time a session may stay paused before it is cancelled.'),
});

const termination = z.strictObject({
  maxRounds: count(1_000_000).default(10).describe('The session ends after this many rounds.'),
  target: z
    .strictObject({ metric: z.string().min(1).max(64), value: z.number() })
    .nullable()
    .default(null)
    .describe('Ends when this metric is reached.'),
  patience: count(1_000_000)
    .nullable()
    .default(null)
    .describe('Ends after so many rounds without a better value.'),
});

const strategy = z.strictObject({
  type: z.literal('fedavg').default('fedavg').describe('Average weighted by numExamples (McMahan 2017).'),
  serverLearningRate: z.number().positive().max(100).default(1).describe('Factor on the averaged update.'),
});

const privacy = z.strictObject({
  clipNorm: z
    .number()
    .positive()
    .nullable()
    .default(null)
    .describe('L2 bound of an update; Libraries clip to it, the pool refuses more.'),
  noiseMultiplier: z
    .literal(0, 'only 0 is supported: the pool does not add noise')
    .default(0)
    .describe('Reserved: must be 0.'),
});

const evaluation = z.strictObject({
  every: count(1_000_000).default(1).describe('Score every n-th version.'),
  on: z
    .enum(['libraries', 'pool', 'both', 'none'])
    .default('both')
    .describe("On the Libraries' data, on the Repo's test set, both, or not at all."),
  testSetId: ids.testSetId
    .nullable()
    .default(null)
    .describe('Test set of the Repo; default: the one named like datasetId, else "default".'),
});

const update = z
  .strictObject({
    encoding: z
      .enum(UPDATE_ENCODINGS)
      .default('f32')
      .describe('How updates are written: 4 bytes, 2 bytes, or about 1 byte a parameter.'),
    maxMagnitude: z
      .number()
      .positive()
      .max(1e9)
      .default(1_024)
      .describe('No element of an update may exceed it; fixes the scale of exact folding.'),
  })
  .refine((u) => u.encoding !== 'f16' || u.maxMagnitude <= MAX_F16, {
    path: ['maxMagnitude'],
    message: `f16 has no numbers above ${MAX_F16}`,
  });

const fields = z.strictObject({
  name: z.string().min(1).max(128).default('job').describe('For people.'),
  modelId: ids.modelId.describe('The uploaded model to start from. Required.'),
  hyperparams,
  datasetId: ids.datasetId
    .nullable()
    .default(null)
    .describe('Only Libraries holding this data set take part.'),
  selection: selection.prefault({}),
  continuation: continuation.prefault({}),
  deadlines: deadlines.prefault({}),
  termination: termination.prefault({}),
  strategy: strategy.prefault({}),
  privacy: privacy.prefault({}),
  evaluation: evaluation.prefault({}),
  update: update.prefault({}),
  downloadEncoding: z
    .enum(DOWNLOAD_ENCODINGS)
    .default('f32')
    .describe('How Libraries download versions: 4 or 2 bytes a parameter.'),
  checkpointEvery: count(1_000_000).default(1).describe('Keep every n-th version.'),
});
type Fields = z.output<typeof fields>;

const fits = ({ continuation: { minUpdates = 1 }, selection: { goal, overSelection } }: Fields): boolean =>
  minUpdates <= Math.ceil(goal * overSelection);
const MIN_UPDATES = {
  path: ['continuation', 'minUpdates'],
  message: 'more than the Libraries that selection.goal × overSelection asks',
};

function complete(job: Fields): Job {
  const { continuation: given, selection: asked } = job;
  return { ...job, continuation: { ...given, minUpdates: given.minUpdates ?? Math.min(3, asked.goal) } };
}

/** A job: only modelId and hyperparams.batchSize are required. */
export const jobSchema = fields.refine(fits, MIN_UPDATES).transform(complete);

/** A job as it is submitted, with what is looked at once and not kept. */
export const jobRequest = fields
  .extend({
    probe: jobProbe
      .optional()
      .describe('A small batch and what the model must answer to it; if it does not, the job is refused.'),
  })
  .refine(fits, MIN_UPDATES)
  .transform(({ probe = null, ...job }) => ({ job: complete(job), probe }));

/** What Explora writes, before defaults. */
export type JobInput = z.input<typeof jobRequest>;
