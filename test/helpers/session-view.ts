import { parse } from '../../src/protocol/parse.js';
import { jobSchema } from '../../src/protocol/job.js';
import type { SessionView } from '../../src/protocol/http.js';

const CREATED_MS = 1_767_225_600_000;

/** A session of 1000 parameters after some rounds of two Libraries. */
export function sessionView(
  sessionId: string,
  rounds: number,
  change: Partial<SessionView> = {},
): SessionView {
  const numbers = Array.from({ length: rounds }, (_, i) => i + 1);
  return {
    repoId: 'clinics',
    sessionId,
    job: parse(jobSchema, {
      name: 'mnist',
      modelId: 'm-1',
      hyperparams: { batchSize: 10, optimizer: { type: 'sgd', learningRate: 0.00001 } },
      update: { encoding: 'f16' },
    }),
    geometry: { paramCount: 1000, shardParams: 262_144, shardCount: 1 },
    createdMs: CREATED_MS,
    state: 'running',
    reason: null,
    stateSinceMs: CREATED_MS,
    deadlineMs: null,
    pausedUntilMs: null,
    version: rounds,
    round: null,
    best: null,
    endedMs: null,
    received: 0,
    history: numbers.map((round) => ({
      round,
      attempt: 1,
      selected: 3,
      updates: 2,
      totalExamples: 200,
      metrics: { loss: 1 / round, accuracy: 1 - 0.5 / round },
      evaluation: { loss: 2 / round },
      openedMs: CREATED_MS + 3000 * round - 1500,
      closedMs: CREATED_MS + 3000 * round - 500,
      publishedMs: CREATED_MS + 3000 * round,
      sha256: String(round).repeat(64).slice(0, 64),
    })),
    scores: numbers.map((version) => ({ version, metrics: { accuracy: 1 - 0.25 / version } })),
    resultModelId: null,
    keptVersions: numbers,
    ...change,
  };
}
