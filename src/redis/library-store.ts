import type { Candidate } from '../core/selection.js';
import { parseJson } from '../protocol/parse.js';
import { libraryRecord, type LibraryRecord } from '../protocol/records.js';
import { redisNowMs, type RedisContext } from './context.js';
import { Gathered } from './gathered.js';
import { parseRecord } from './parse-record.js';
import { runScript } from './run-script.js';
import { SCRIPT_CODES } from './script-codes.js';

/** A Library not heard of for so long counts as away; gateways report theirs every third of it. */
export const PRESENCE_TTL_MS = 6_000;

/** One that was not seen for so long makes room, in a Repo that has as many Libraries as it may. */
const FORGET_MS = 86_400_000;

/** Who is there, with what data. In Redis time, so that a dead gateway's Libraries are known gone within seconds. */
export class LibraryStore {
  readonly #context: RedisContext;
  readonly #records = new Gathered<string, string | null>();

  constructor(context: RedisContext) {
    this.#context = context;
  }

  /** @returns whether anything changed that a waiting session would like to know; null: there are `maxLibraries` */
  async join(
    repoId: string,
    libraryId: string,
    input: Pick<LibraryRecord, 'datasets' | 'connection'> & { readonly maxLibraries?: number },
  ): Promise<boolean | null> {
    const { redis, keys } = this.#context;
    const { datasets, connection, maxLibraries = 0 } = input;
    const reply = await runScript(redis, 'joinLibrary', {
      keys: [keys.libraries(repoId), keys.presence(repoId)],
      args: [libraryId, JSON.stringify(datasets), connection, PRESENCE_TTL_MS, maxLibraries, FORGET_MS],
    });
    return reply === SCRIPT_CODES.full ? null : reply === 1;
  }

  async touch(repoId: string, libraryIds: readonly string[]): Promise<void> {
    const { redis, keys } = this.#context;
    // In slices, so that one script never holds Redis up for long.
    for (let i = 0; i < libraryIds.length; i += 1_000) {
      await runScript(redis, 'touchLibraries', {
        keys: [keys.presence(repoId)],
        args: libraryIds.slice(i, i + 1_000),
      });
    }
  }

  /** The connection ended; does nothing when the Library has a newer one. */
  async leave(repoId: string, libraryId: string, connection: string): Promise<boolean> {
    const { redis, keys } = this.#context;
    const input = {
      keys: [keys.libraries(repoId), keys.presence(repoId)],
      args: [libraryId, connection, PRESENCE_TTL_MS],
    };
    return (await runScript(redis, 'leaveLibrary', input)) === 1;
  }

  async get(repoId: string, libraryId: string): Promise<LibraryRecord | null> {
    const { redis, keys } = this.#context;
    const key = keys.libraries(repoId);
    const text = await this.#records.ask(key, libraryId, (all) => redis.hmget(key, ...all));
    return text === null ? null : parseRecord(libraryRecord, text);
  }

  async countOnline(repoId: string): Promise<number> {
    const since = (await redisNowMs(this.#context, repoId)) - PRESENCE_TTL_MS;
    return this.#context.redis.zcount(this.#context.keys.presence(repoId), since, '+inf');
  }

  /** Present Libraries that hold the data set (null: whatever they announced first). */
  async candidates(repoId: string, datasetId: string | null): Promise<Candidate[]> {
    const { redis, keys } = this.#context;
    const since = (await redisNowMs(this.#context, repoId)) - PRESENCE_TTL_MS;
    const present = await redis.zrangebyscore(keys.presence(repoId), since, '+inf');
    const candidates: Candidate[] = [];
    for (let i = 0; i < present.length; i += 1_000) {
      const slice = present.slice(i, i + 1_000);
      const texts = await redis.hmget(keys.libraries(repoId), ...slice);
      slice.forEach((libraryId, j) => {
        const text = texts[j];
        if (text === null || text === undefined) return;
        const numExamples = examplesOf(parseJson(libraryRecord, text, 'internal'), datasetId);
        if (numExamples > 0) candidates.push({ libraryId, numExamples });
      });
    }
    return candidates;
  }

  /** How long each has been away: 0 while present, Infinity when never seen. */
  async absentMs(repoId: string, libraryIds: readonly string[]): Promise<number[]> {
    if (libraryIds.length === 0) return [];
    const { redis, keys } = this.#context;
    const nowMs = await redisNowMs(this.#context, repoId);
    const seen = await redis.zmscore(keys.presence(repoId), ...libraryIds);
    return seen.map((score) => {
      const silentMs = score === null ? Infinity : nowMs - Number(score);
      return silentMs <= PRESENCE_TTL_MS ? 0 : silentMs;
    });
  }
}

/** Examples that a job may count on; one that names no data set uses what the Library announced first. */
export function examplesOf({ datasets }: LibraryRecord, datasetId: string | null): number {
  const dataset = datasetId === null ? datasets[0] : datasets.find((one) => one.datasetId === datasetId);
  return dataset?.numExamples ?? 0;
}
