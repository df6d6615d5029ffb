import { randomBytes } from 'node:crypto';
import { blobName, type BlobRef } from '../../src/blobs/blob-store.js';
import { blobsOf, type Receipt, type RoundRecord, type SessionRecord } from '../../src/core/session.js';
import type { ParametersRef } from '../../src/protocol/model.js';
import type { AttemptRef } from '../../src/redis/keys.js';
import type { FoldPointer } from '../../src/redis/round-store.js';
import { inSharedMemory } from '../../src/tensors/spare-memory.js';
import { shardSpan } from '../../src/tensors/sharding.js';
import { parametersOf, readShard } from './base-shard.js';
import type { AggregatorDeps } from './aggregator-deps.js';
import type { FoldStep } from './fold-step.js';
import type { Folded } from './folded.js';
import type { Folder } from './folder-pool.js';

/** Updates fetched at once: bounds a thread's memory to so many shards, whatever the number of participants. */
const BATCH = 8;

interface Attempt {
  readonly session: SessionRecord;
  readonly round: RoundRecord;
  readonly at: AttemptRef;
  readonly receipts: readonly Receipt[];
  /** What is added up counts here. */
  readonly folded: Folded;
}

/** Bytes of a counted update are neither in the store nor in a partial. */
class LostBytes extends Error {}

/** Folds and finishes single shards of one attempt, exactly (design law 4). */
export class ShardAggregation {
  readonly #deps: AggregatorDeps;
  readonly #attempt: Attempt;
  #parameters: Promise<ParametersRef | null> | undefined;

  constructor(deps: AggregatorDeps, attempt: Attempt) {
    this.#deps = deps;
    this.#attempt = attempt;
  }

  /** Adds all committed updates to the shard's partial and frees their bytes. A twin that was faster wins; fine. */
  async fold(shard: number): Promise<void> {
    await this.#guarded(shard, async (pointer, folder) => {
      const { receipts, at } = this.#attempt;
      // A twin that knew of more updates has been here: going on would take its pointer back.
      if (pointer !== null && pointer.folded >= receipts.length) return;
      await this.#sum(folder, { shard, pointer });
      const to = { folded: receipts.length, blob: blobName.partial(at, randomBytes(6).toString('hex')) };
      const { rounds } = this.#deps.stores;
      const partial = folder.partial().subarray(0, this.#params(shard) * 8);
      await this.#deps.blobs.put(this.#ref(shard, to.blob), partial, { ttlMs: this.#ttlMs() });
      const moved = await rounds.commitFold(at, shard, { from: pointer, to, ttlMs: this.#ttlMs() });
      if (!moved) return this.#deps.blobs.delete([this.#ref(shard, to.blob)]);
      const folded = blobsOf(receipts.slice(pointer?.folded ?? 0));
      const names = pointer === null ? folded : [...folded, pointer.blob];
      return this.#deps.blobs.delete(names.map((name) => this.#ref(shard, name)));
    });
  }

  /** Produces the shard of the next version from the partial, what is left to fold, and the version before. */
  async finish(shard: number): Promise<void> {
    await this.#guarded(shard, async (pointer, folder) => {
      const { session, round, at, receipts } = this.#attempt;
      await this.#sum(folder, { shard, pointer });
      // The same for every shard of the attempt: looked up once.
      this.#parameters ??= parametersOf(this.#deps, session, session.version);
      const base = await readShard(this.#deps, session.repoId, { parameters: await this.#parameters, shard });
      if (base === null)
        throw new LostBytes(`Shard ${shard} of version ${session.version} is gone from the store.`);
      const values = inSharedMemory(base);
      const options = {
        scale: round.scale,
        totalExamples: receipts.reduce((sum, receipt) => sum + receipt.numExamples, 0),
        serverLearningRate: session.job.strategy.serverLearningRate,
      };
      const { sha256 } = await folder.run({ do: 'finish', values, options });
      if (sha256 === null) throw new Error('A finished shard has no hash.');
      await this.#deps.blobs.put(this.#ref(shard, blobName.parameters(sha256)), values);
      this.#deps.blobs.giveBack?.(base);
      await this.#deps.stores.rounds.setProduced(at, shard, { sha256, ttlMs: this.#ttlMs() });
    });
  }

  /** Loads the partial and adds every update that is not in it. */
  async #sum(
    folder: Folder,
    { shard, pointer }: { shard: number; pointer: FoldPointer | null },
  ): Promise<void> {
    const { session, round, receipts } = this.#attempt;
    const { encoding } = session.job.update;
    if (pointer === null) await folder.run({ do: 'reset', params: this.#params(shard) });
    else await this.#use(folder, { shard, names: [pointer.blob] }, ([partial]) => ({ do: 'load', partial }));
    const pending = receipts.slice(pointer?.folded ?? 0);
    for (const blob of blobsOf(pending).filter(blobName.isSum))
      await this.#use(folder, { shard, names: [blob] }, ([partial]) => ({ do: 'merge', partial }));
    const single = pending.filter((receipt) => !blobName.isSum(receipt.blob));
    for (let from = 0; from < single.length; from += BATCH) {
      const batch = single.slice(from, from + BATCH);
      const names = batch.map((receipt) => receipt.blob);
      await this.#use(folder, { shard, names }, (all) => ({
        do: 'add',
        updates: batch.map(({ numExamples }, i) => ({ bytes: all[i] as Uint8Array, numExamples, encoding })),
        scale: round.scale,
      }));
    }
  }

  /** Reads blobs and takes a step with them. After it nobody reads them any more: others are read into their memory. */
  async #use(
    folder: Folder,
    { shard, names }: { readonly shard: number; readonly names: readonly string[] },
    step: (blobs: readonly [Uint8Array, ...Uint8Array[]]) => FoldStep,
  ): Promise<void> {
    const read = await Promise.allSettled(names.map((name) => this.#bytes(shard, name)));
    const blobs = read.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    try {
      const failed = read.find((one) => one.status === 'rejected');
      if (failed !== undefined) throw failed.reason;
      const taken = step(blobs as [Uint8Array, ...Uint8Array[]]);
      const { seconds } = await folder.run(taken);
      if (taken.do === 'load') return;
      const { folded } = this.#attempt;
      folded.bytes += blobs.reduce((sum, bytes) => sum + bytes.length, 0);
      folded.seconds += seconds;
    } finally {
      for (const bytes of blobs) this.#deps.blobs.giveBack?.(bytes);
    }
  }

  #params(shard: number): number {
    const { paramCount, shardParams } = this.#attempt.session.geometry;
    return shardSpan(paramCount, shardParams, shard).length;
  }

  async #bytes(shard: number, name: string): Promise<Uint8Array> {
    const bytes = await this.#deps.blobs.get(this.#ref(shard, name));
    if (bytes === null)
      throw new LostBytes(`Bytes of shard ${shard} that were received are gone from the store.`);
    return bytes;
  }

  /** Runs on the current pointer. Bytes that are missing because a twin moved the pointer meanwhile are no loss: again. */
  async #guarded(
    shard: number,
    run: (pointer: FoldPointer | null, folder: Folder) => Promise<void>,
  ): Promise<void> {
    const { at } = this.#attempt;
    const { rounds } = this.#deps.stores;
    for (;;) {
      const pointer = await rounds.fold(at, shard);
      try {
        const { shardParams } = this.#attempt.session.geometry;
        return await this.#deps.folders.with(shardParams, (folder) => run(pointer, folder));
      } catch (error) {
        if (!(error instanceof LostBytes)) throw error;
        const now = await rounds.fold(at, shard);
        if (now?.blob !== pointer?.blob) continue;
        return this.reportLoss(error.message);
      }
    }
  }

  /** Only if the attempt is still on: bytes of one that was freed are missing rightly. */
  async reportLoss(reason: string): Promise<void> {
    const { session, round, at } = this.#attempt;
    const { sessions, rounds } = this.#deps.stores;
    const current = (await sessions.find(session.repoId, session.sessionId))?.record.round;
    if (
      current?.number !== round.number ||
      current.attempt !== round.attempt ||
      current.state === 'published'
    )
      return;
    this.#deps.log.error({ ...at, reason }, 'acknowledged bytes lost');
    await rounds.setLost(at, { reason, ttlMs: this.#ttlMs() });
    await this.#deps.queues.wake(session);
  }

  /** Longer than the attempt can last; ends what a worker leaves that outlives it. */
  #ttlMs(): number {
    const { roundMs, closeMs } = this.#attempt.session.job.deadlines;
    return roundMs + closeMs + 3_600_000;
  }

  #ref(shard: number, name: string): BlobRef {
    const { repoId, sessionId } = this.#attempt.session;
    return { repoId, scope: sessionId, shard, name };
  }
}
