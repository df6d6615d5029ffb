import type { Command } from 'commander';
import { isGateway, type ProcessName } from '../process-name.js';

const PROCESSES: readonly { name: ProcessName; what: string }[] = [
  { name: 'gateway', what: 'serve HTTP and Socket.IO' },
  { name: 'coordinator', what: 'drive sessions from round to round' },
  { name: 'aggregator', what: 'average updates into the next version' },
  { name: 'evaluator', what: 'score versions on test sets' },
  { name: 'all-in-one', what: 'all of these in one process: the least memory for a small pool' },
];

/** `cloud-node gateway` and the like: what a container or a supervisor runs. */
export function addRoleCommands(program: Command): void {
  for (const { name, what } of PROCESSES) {
    const command = program
      .command(name)
      .description(what)
      .action(async ({ legacy }: { readonly legacy?: boolean }) => {
        endWithSupervisor();
        const { runNamed } = await import('../processes.js');
        await runNamed(name, legacy === true ? { ...process.env, LEGACY: 'true' } : process.env);
      });
    if (isGateway(name)) command.option('--legacy', 'also speak to clients of the predecessor (LEGACY)');
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
