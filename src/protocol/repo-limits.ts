import * as z from 'zod';

const limit = (max: number): z.ZodOptional<z.ZodNumber> => z.int().min(1).max(max).optional();

/** What a Repo may hold; where it says nothing, the pool's own limits hold. */
export const repoLimits = z.strictObject({
  /** Libraries that are remembered; of too many, those make room that were not seen for a day. */
  libraries: limit(100_000_000),
  /** Examples that a Library may announce of one data set. */
  examples: limit(2 ** 29 - 1),
  models: limit(1_000_000),
  testSets: limit(1_000_000),
  /** Bytes of its models and test sets. */
  bytes: limit(2 ** 50),
  /** API keys that are kept; of too many, those make room that have been good for nothing for a day. */
  keys: limit(100_000),
  aliases: limit(100_000),
  /** Sessions that are kept, ended ones too. */
  sessions: limit(10_000_000),
  /** Sessions that have not ended: those that run and those that wait. */
  openSessions: limit(10_000),
  /** Evaluations asked for by hand that are not done. */
  openEvaluations: limit(10_000),
});
export type RepoLimits = z.infer<typeof repoLimits>;
