import { Cluster } from 'ioredis';
import type { RedisContext } from './context.js';

export interface ServerInfo {
  readonly usedMemoryBytes: number;
  /** 0: no limit. */
  readonly maxMemoryBytes: number;
  readonly appendOnly: boolean;
}

/** What Redis says of itself; of a cluster, the master that is nearest to its limit. */
export async function readServerInfo({ redis }: RedisContext): Promise<ServerInfo> {
  const servers = redis instanceof Cluster ? redis.nodes('master') : [redis];
  const all = await Promise.all(
    servers.map(async (server) => {
      const [memory, persistence] = await Promise.all([server.info('memory'), server.info('persistence')]);
      return {
        usedMemoryBytes: field(memory, 'used_memory'),
        maxMemoryBytes: field(memory, 'maxmemory'),
        appendOnly: field(persistence, 'aof_enabled') === 1,
      };
    }),
  );
  const none = { usedMemoryBytes: 0, maxMemoryBytes: 0, appendOnly: false };
  return all.sort((a, b) => fullness(b) - fullness(a))[0] ?? none;
}

function fullness({ usedMemoryBytes, maxMemoryBytes }: ServerInfo): number {
  return usedMemoryBytes / (maxMemoryBytes || Number.MAX_SAFE_INTEGER);
}

function field(info: string, name: string): number {
  return Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(info)?.[1] ?? 0);
}
