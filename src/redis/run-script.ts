import { metrics } from '../telemetry/metrics.js';
import type { RedisClient } from './connection.js';
import { SCRIPTS } from './generated/lua.js';

export type ScriptName = keyof typeof SCRIPTS;
type Command = (...args: (string | number | Buffer)[]) => Promise<unknown>;

const registered = new WeakMap<RedisClient, Set<string>>();

/**
 * Runs a Lua script atomically. ioredis sends its text once per connection and its SHA-1 afterwards.
 * A negative reply is the script's own refusal; the caller maps it (see script-codes.ts).
 */
export async function runScript(
  redis: RedisClient,
  name: ScriptName,
  input: { keys: readonly string[]; args: readonly (string | number | Buffer)[] },
): Promise<unknown> {
  const { command, keys, lua } = SCRIPTS[name];
  if (input.keys.length !== keys)
    throw new Error(`Script ${name} takes ${keys} keys, not ${input.keys.length}.`);
  const known = registered.get(redis) ?? new Set<string>();
  if (!known.has(command)) {
    redis.defineCommand(command, { numberOfKeys: keys, lua });
    registered.set(redis, known.add(command));
  }
  const call = (redis as unknown as Record<string, Command>)[command] as Command;
  const answered = metrics.scriptSeconds.startTimer({ script: name });
  try {
    return await call.call(redis, ...input.keys, ...input.args);
  } finally {
    answered();
  }
}
