import { Cluster, type Redis } from 'ioredis';
import type { RedisContext } from './context.js';

export interface ServerInfo {
  readonly usedMemoryBytes: number;
  /** 0: no limit. */
  readonly maxMemoryBytes: number;
  readonly appendOnly: boolean;
}

/**
 * What Redis says of itself; of a cluster, the memory of the master that is nearest to its limit (one that is full
 * refuses its share of every update), and an append-only file only if all masters keep one. A master that does not
 * answer is left out while others do.
 */
export async function readServerInfo({ redis }: RedisContext): Promise<ServerInfo> {
  if (!(redis instanceof Cluster)) return ask(redis);
  const answers = await Promise.allSettled(redis.nodes('master').map(ask));
  const infos = answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []));
  const [fullest] = infos.sort((a, b) => fullness(b) - fullness(a));
  // Nobody: the cluster itself says why, or answers when it is back.
  if (fullest === undefined) return parseInfo(await redis.info());
  return { ...fullest, appendOnly: infos.every((info) => info.appendOnly) };
}

async function ask(server: Redis): Promise<ServerInfo> {
  const [memory, persistence] = await Promise.all([server.info('memory'), server.info('persistence')]);
  return parseInfo(`${memory}\n${persistence}`);
}

function parseInfo(info: string): ServerInfo {
  return {
    usedMemoryBytes: field(info, 'used_memory'),
    maxMemoryBytes: field(info, 'maxmemory'),
    appendOnly: field(info, 'aof_enabled') === 1,
  };
}

function fullness({ usedMemoryBytes, maxMemoryBytes }: ServerInfo): number {
  return usedMemoryBytes / (maxMemoryBytes || Number.MAX_SAFE_INTEGER);
}

function field(info: string, name: string): number {
  return Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(info)?.[1] ?? 0);
}
