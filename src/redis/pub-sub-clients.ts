import { duplicate, endConnection, type RedisClient } from './connection.js';

export interface PubSubClients {
  readonly pub: RedisClient;
  readonly sub: RedisClient;
  close(): Promise<void>;
}

/** Commands that the Socket.IO adapter sends without waiting for their outcome. */
const UNAWAITED = ['publish', 'subscribe', 'psubscribe', 'unsubscribe', 'punsubscribe'] as const;
type Command = (...args: unknown[]) => Promise<unknown>;

/**
 * Two connections for the Socket.IO adapter, ready when this resolves. What it publishes are hints: one that fails is
 * dropped instead of ending the process as an unhandled rejection.
 */
export async function createPubSubClients(redis: RedisClient): Promise<PubSubClients> {
  const pub = tolerant(duplicate(redis, 'background'));
  const sub = tolerant(duplicate(redis, 'background'));
  await Promise.all([pub.ping(), sub.ping()]);
  return {
    pub,
    sub,
    close: async () => {
      await Promise.all([endConnection(pub), endConnection(sub)]);
    },
  };
}

function tolerant(client: RedisClient): RedisClient {
  const commands = client as unknown as Record<(typeof UNAWAITED)[number], Command>;
  for (const name of UNAWAITED) {
    const send = commands[name].bind(client);
    commands[name] = (...args) => send(...args).catch(() => undefined);
  }
  return client;
}
