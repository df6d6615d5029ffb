import { envSchema } from '../config/env.js';

/** Settings of a single process: several children with the same would be in each other's way. */
const PER_PROCESS = ['PORT', 'PUBLIC_URL', 'METRICS_PORT'];

/** The environment for the children of a pool: this one with `own` on top, without what only fits one process. */
export function poolEnv(base: NodeJS.ProcessEnv, own: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  return { HOST: '127.0.0.1', ...without(base, PER_PROCESS), ...own };
}

/** The same for a pool that must not meet another one: no setting of the caller's gets through but LOG_LEVEL. */
export function isolatedPoolEnv(
  base: NodeJS.ProcessEnv,
  own: Readonly<Record<string, string>>,
): NodeJS.ProcessEnv {
  const settings = Object.keys(envSchema.shape).filter((name) => name !== 'LOG_LEVEL');
  return poolEnv(without(base, settings), own);
}

function without(env: NodeJS.ProcessEnv, names: readonly string[]): NodeJS.ProcessEnv {
  const unwanted = new Set(names.flatMap((name) => [name, `${name}_FILE`]));
  return Object.fromEntries(Object.entries(env).filter(([name]) => !unwanted.has(name)));
}
