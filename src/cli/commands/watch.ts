import type { Command } from 'commander';
import { contextOf } from '../context.js';
import { addTrackingOptions, type TrackingOptions } from '../tracking/options.js';

export function addWatchCommand(program: Command): void {
  const watch = program
    .command('watch')
    .description('look on while a session runs; ends with it')
    .argument('<repoId>')
    .argument('<sessionId>');
  addTrackingOptions(watch)
    .addHelpText(
      'after',
      '\nOf a session that has ended, everything is written at once. Written again, nothing is there twice.',
    )
    .action(async (repoId: string, sessionId: string, tracking: TrackingOptions, command: Command) => {
      const { explora, api, out } = contextOf(command);
      const { watchUntilEnd } = await import('../watch.js');
      const session = (await explora(repoId)).session(sessionId);
      await watchUntilEnd({ session, repoId, api: await api(), out, tracking });
    });
}
