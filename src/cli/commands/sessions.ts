import type { Command } from 'commander';
import { contextOf } from '../context.js';
import { renderTable } from '../table.js';

export function addSessionCommands(program: Command): void {
  program
    .command('sessions')
    .description('list the sessions of a Repo')
    .argument('<repoId>')
    .action(async (repoId: string, _options, command: Command) => {
      const { api, out } = contextOf(command);
      const sessions = await (await api()).sessions(repoId);
      const { sessionColumns } = await import('../session-views.js');
      out.result({ sessions }, (style) =>
        renderTable(sessionColumns(style, Date.now()), sessions, {
          style,
          width: out.width,
          empty: `No sessions yet. Submit a job: cloud-node submit ${repoId} --job job.json`,
        }),
      );
    });

  program
    .command('session')
    .description('show one session with its rounds')
    .argument('<repoId>')
    .argument('<sessionId>')
    .action(async (repoId: string, sessionId: string, _options, command: Command) => {
      const { api, out } = contextOf(command);
      const session = await (await api()).session(repoId, sessionId);
      const { describeSession } = await import('../session-views.js');
      out.result(session, (style) => describeSession(session, style, { width: out.width }));
    });

  for (const [name, description] of [
    ['pause', 'let the open round of a session end and open no other'],
    ['resume', 'go on with a paused session'],
  ] as const) {
    program
      .command(name)
      .description(description)
      .argument('<repoId>')
      .argument('<sessionId>')
      .action(async (repoId: string, sessionId: string, _options, command: Command) => {
        const { api, out } = contextOf(command);
        const session = await (await api()).pause(repoId, sessionId, name === 'pause');
        out.result(session, (style) => [
          `${style.green('✓')} Session ${sessionId} is ${name}d at version ${session.version}.`,
        ]);
      });
  }

  program
    .command('cancel')
    .description('stop a session; what it has published is kept')
    .argument('<repoId>')
    .argument('<sessionId>')
    .option('--reason <text>', 'for whoever looks at it later', 'cancelled by the owner')
    .action(async (repoId: string, sessionId: string, options: { reason: string }, command: Command) => {
      const { api, out } = contextOf(command);
      const session = await (await api()).cancel(repoId, sessionId, options.reason);
      out.result(session, (style) => [
        `${style.green('✓')} Session ${sessionId} is ${session.state}. Version ${session.version} is its last.`,
      ]);
    });
}
