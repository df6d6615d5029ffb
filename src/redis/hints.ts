import { Cluster } from 'ioredis';
import { subscribeToCluster } from './cluster-subscription.js';
import { duplicate, endConnection } from './connection.js';
import type { RedisContext } from './context.js';

/** "Look again": at most once, and nothing depends on it. */
export type Hint =
  /** A session changed: its followers read the event log. */
  | { readonly kind: 'session'; readonly repoId: string; readonly sessionId: string }
  /** These Libraries (null: all of the Repo) ask for their assignment. */
  | {
      readonly kind: 'libraries';
      readonly repoId: string;
      readonly libraryIds: readonly string[] | null;
      readonly reason: 'assignment' | 'stop';
    }
  /** Something was revoked: see the log. */
  | { readonly kind: 'revoked' };

export async function publishHint({ redis, keys }: RedisContext, hint: Hint): Promise<void> {
  await redis.publish(keys.hints(), JSON.stringify(hint));
}

/**
 * Listens on a connection of its own. After a reconnect `onGap` is called: hints may have been lost, look at everything.
 * @returns a function that stops listening
 */
export async function subscribeHints(
  context: RedisContext,
  handlers: { onHint: (hint: Hint) => void; onGap: () => void },
): Promise<() => Promise<void>> {
  const onMessage = (_channel: string, text: string): void => handlers.onHint(JSON.parse(text) as Hint);
  const { redis, keys } = context;
  if (redis instanceof Cluster)
    return subscribeToCluster(redis, keys.hints(), { onMessage, onGap: handlers.onGap });
  const subscriber = duplicate(redis, 'background');
  let first = true;
  subscriber.on('message', onMessage);
  subscriber.on('ready', () => {
    if (!first) handlers.onGap();
    first = false;
  });
  await subscriber.subscribe(keys.hints());
  return () => endConnection(subscriber);
}
