import type { Command } from 'commander';
import { contextOf } from '../context.js';

export function addWatchCommand(program: Command): void {
  program
    .command('watch')
    .description('look on while a session runs; ends with it')
    .argument('<repoId>')
    .argument('<sessionId>')
    .action(async (repoId: string, sessionId: string, _options, command: Command) => {
      const { explora, api, out } = contextOf(command);
      const { watchUntilEnd } = await import('../watch.js');
      const session = (await explora(repoId)).session(sessionId);
      await watchUntilEnd({ session, repoId, api: await api(), out });
    });
}
