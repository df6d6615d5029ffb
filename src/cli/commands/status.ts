import type { Command } from 'commander';
import { contextOf } from '../context.js';

export function addStatusCommand(program: Command): void {
  program
    .command('status')
    .description('show the pool, or one Repo')
    .argument('[repoId]')
    .action(async (repoId: string | undefined, _options, command: Command) => {
      const { api, out } = contextOf(command);
      const client = await api();
      const { describePoolStatus, describeRepo } = await import('../status-views.js');
      if (repoId === undefined) {
        const pool = await client.pool();
        out.result(pool, (style) => describePoolStatus(pool, style, out.width));
      } else {
        const status = await client.repo(repoId);
        out.result(status, (style) => describeRepo(status, style, out.width));
      }
    });
}
