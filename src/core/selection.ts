import type { Job } from './job.js';
import { mixSeed, sample, seededRandom } from './random.js';

/** A connected Library and how many examples it holds of the job's data set. */
export interface Candidate {
  readonly libraryId: string;
  readonly numExamples: number;
}

export interface RoundKey {
  readonly seed: number;
  readonly number: number;
  readonly attempt: number;
}

export function eligible(job: Job, present: readonly Candidate[]): Candidate[] {
  const { minExamples, maxExamples } = job.selection;
  return present.filter(
    ({ numExamples }) => numExamples >= minExamples && numExamples <= (maxExamples ?? Infinity),
  );
}

/** How many Libraries a round asks when it can: Bonawitz's over-selection, rounded up. */
export function seatsWanted(job: Job): number {
  return Math.ceil(job.selection.goal * job.selection.overSelection - 1e-9);
}

/** Enough to start at once, without waiting for the recruiting deadline. */
export function enoughToStart(job: Job, available: number): boolean {
  return available >= Math.max(job.selection.goal, job.continuation.minUpdates);
}

/**
 * Chooses the Libraries of a round. The same seed, round and candidates (in any order) give the same choice,
 * so two coordinators at once cannot disagree.
 */
export function selectLibraries(job: Job, candidates: readonly Candidate[], key: RoundKey): Candidate[] {
  const ordered = [...candidates].sort((a, b) => (a.libraryId < b.libraryId ? -1 : 1));
  if (job.selection.type === 'all') return ordered;
  const random = seededRandom(mixSeed(key.seed, key.number, key.attempt));
  return sample(ordered, seatsWanted(job), random);
}
