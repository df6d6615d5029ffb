import { parentPort } from 'node:worker_threads';
import type { AggregateJob } from '../../src/protocol/queue.js';
import { threadDeps } from '../thread-deps.js';
import { aggregateSlot } from './aggregate-slot.js';
import type { Folded } from './folded.js';

export interface FoldQuestion {
  readonly id: number;
  readonly job: AggregateJob;
}

export type FoldAnswer = { readonly id: number } & ({ readonly folded: Folded } | { readonly error: string });

async function answer({ id, job }: FoldQuestion): Promise<FoldAnswer> {
  try {
    return { id, folded: await aggregateSlot(await threadDeps('aggregator'), job) };
  } catch (error) {
    return { id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
}

parentPort?.on('message', (question: FoldQuestion) => {
  void answer(question).then((answered) => parentPort?.postMessage(answered));
});
