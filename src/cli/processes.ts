import { parseEnv } from '../config/env.js';
import type { Role } from '../process/role.js';
import type { NodeRole } from '../protocol/records.js';

export type ProcessName = NodeRole | 'all-in-one';

type LoadRole = (env: NodeJS.ProcessEnv) => Promise<Role>;

/** Gateways end first, so that nothing new comes in; coordinators last, since the others report to them. */
export const END_ORDER: readonly NodeRole[] = ['gateway', 'evaluator', 'aggregator', 'coordinator'];

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
