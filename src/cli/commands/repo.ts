import { createInterface } from 'node:readline/promises';
import type { Command } from 'commander';
import { contextOf } from '../context.js';
import { usageError } from '../errors.js';
import { relativeTime } from '../format.js';
import { collect, wholeNumber } from '../arguments.js';
import { applySettings } from '../set-option.js';
import { renderTable } from '../table.js';

interface CreateOptions {
  readonly name?: string;
  readonly concurrency?: number;
  readonly maxSlots?: number;
  readonly limit: readonly string[];
}

export function addRepoCommands(program: Command): void {
  const repo = program.command('repo').description('create, list and delete Repos').helpCommand(false);

  repo
    .command('create')
    .description('make a Repo: a tenant with keys, models and sessions of its own')
    .argument('<repoId>', 'letters, digits, ".", "_" and "-"')
    .option('--name <name>', 'for people')
    .option('--concurrency <n>', 'sessions that may run at once', wholeNumber('--concurrency', 1))
    .option('--max-slots <n>', 'aggregator slots it may rent in all', wholeNumber('--max-slots', 1))
    .option('--limit <name=n>', 'what it may hold, e.g. models=50; may be repeated', collect, [])
    .action(async (repoId: string, { limit, ...options }: CreateOptions, command: Command) => {
      const { api, out } = contextOf(command);
      const limits = applySettings({}, limit, { option: '--limit', example: 'models=50' });
      const created = await (await api()).createRepo({ repoId, ...options, limits });
      out.result(created, (style) => [
        `${style.green('✓')} Repo ${style.bold(created.repoId)} is there.`,
        style.dim(`  Let Libraries in: cloud-node key create ${created.repoId}`),
      ]);
    });

  repo
    .command('list')
    .description('list all Repos')
    .action(async (_options, command: Command) => {
      const { api, out } = contextOf(command);
      const repos = await (await api()).repos();
      out.result({ repos }, (style) =>
        renderTable(
          [
            { title: 'Repo', value: (row) => row.repoId },
            { title: 'Name', value: (row) => row.name },
            { title: 'At once', value: (row) => String(row.concurrency), align: 'right' },
            { title: 'Created', value: (row) => relativeTime(row.createdMs, Date.now()) },
          ],
          repos,
          { style, width: out.width, empty: 'No Repos yet. Make one: cloud-node repo create demo' },
        ),
      );
    });

  repo
    .command('delete')
    .description('delete a Repo with its keys, models, sessions and versions')
    .argument('<repoId>')
    .option('-y, --yes', 'do not ask')
    .action(async (repoId: string, options: { yes?: boolean }, command: Command) => {
      const { api, out } = contextOf(command);
      if (!options.yes) await confirm(repoId);
      const answer = await (await api()).deleteRepo(repoId);
      const { sessions, versions, models, testSets, keys } = answer.removed;
      out.result(answer, (style) => [
        `${style.green('✓')} Repo ${repoId} is deleted, with ${sessions} sessions (${versions} versions), ${models} models, ${testSets} test sets and ${keys} keys.`,
        style.dim(`  Its audit trail ended at ${answer.auditHead.seq}: ${answer.auditHead.sha256}`),
      ]);
    });
}

/** Deleting cannot be undone, so a person types the name. */
async function confirm(repoId: string): Promise<void> {
  if (!process.stdin.isTTY || !process.stderr.isTTY) {
    throw usageError(`Deleting ${repoId} cannot be undone.`, 'Repeat it with --yes.');
  }
  const ask = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const question = `This deletes ${repoId} with its models and sessions for good. Type its id to go on: `;
    if ((await ask.question(question)).trim() !== repoId) throw usageError('Nothing was deleted.');
  } finally {
    ask.close();
  }
}
