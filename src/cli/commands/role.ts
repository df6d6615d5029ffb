import type { Command } from 'commander';
import type { NodeRole } from '../../protocol/records.js';

type Run = (env: NodeJS.ProcessEnv) => Promise<void>;

const ROLES: readonly { role: NodeRole; what: string; load: () => Promise<Run> }[] = [
  {
    role: 'gateway',
    what: 'serve HTTP and Socket.IO',
    load: async () => (await import('../../gateway/main.js')).runGateway,
  },
  {
    role: 'coordinator',
    what: 'drive sessions from round to round',
    load: async () => (await import('../../../workers/coordinator/main.js')).runCoordinator,
  },
  {
    role: 'aggregator',
    what: 'average updates into the next version',
    load: async () => (await import('../../../workers/aggregator/main.js')).runAggregator,
  },
  {
    role: 'evaluator',
    what: 'score versions on test sets',
    load: async () => (await import('../../../workers/evaluator/main.js')).runEvaluator,
  },
];

/** `cloud-node gateway` and the like: what a container or a supervisor runs. */
export function addRoleCommands(program: Command): void {
  for (const { role, what, load } of ROLES) {
    const command = program
      .command(role)
      .description(what)
      .action(async ({ legacy }: { readonly legacy?: boolean }) => {
        endWithSupervisor();
        const run = await load();
        await run(legacy === true ? { ...process.env, LEGACY: 'true' } : process.env);
      });
    if (role === 'gateway') command.option('--legacy', 'also speak to clients of the predecessor (LEGACY)');
  }
}

/**
 * A supervisor (`cloud-node up`) holds an IPC channel to its children. When it is gone without having said so, the
 * channel closes, and the child must not stay behind.
 */
function endWithSupervisor(): void {
  if (!process.channel) return;
  process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
  // It must not keep a drained process alive either.
  process.channel.unref();
}
