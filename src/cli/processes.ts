import { parseEnv } from '../config/env.js';
import type { Role } from '../process/role.js';
import type { NodeRole } from '../protocol/records.js';
import { END_ORDER, type ProcessName } from './process-name.js';

type LoadRole = (env: NodeJS.ProcessEnv) => Promise<Role>;

const LOAD: Readonly<Record<NodeRole, LoadRole>> = {
  gateway: async (env) => (await import('../gateway/role.js')).gatewayRole(() => parseEnv(env)),
  evaluator: async () => (await import('../../workers/evaluator/role.js')).evaluatorRole,
  aggregator: async () => (await import('../../workers/aggregator/role.js')).aggregatorRole,
  coordinator: async () => (await import('../../workers/coordinator/role.js')).coordinatorRole,
};

/** Runs a process of the pool until a signal: one role, or all of them. Loads only what it needs. */
export async function runNamed(name: ProcessName, env: NodeJS.ProcessEnv): Promise<void> {
  const names = name === 'all-in-one' ? END_ORDER : [name];
  const roles = await Promise.all(names.map((one) => LOAD[one](env)));
  const { runProcess } = await import('../process/run-process.js');
  await runProcess(name, roles, env);
}
