import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import type { Command } from 'commander';
import { wholeNumber } from '../arguments.js';
import { contextOf } from '../context.js';
import { EXIT, usageError } from '../errors.js';

interface ExportOptions {
  readonly pool?: boolean;
  readonly after: number;
  readonly out?: string;
}

interface VerifyOptions {
  readonly pool?: boolean;
  readonly repo?: string;
  readonly last?: string;
  readonly previous?: string;
}

export function addAuditCommands(program: Command): void {
  const audit = program.command('audit').description('export and verify audit trails').helpCommand(false);

  audit
    .command('export')
    .description('write the audit trail of a Repo as JSON lines')
    .argument('[repoId]')
    .option('--pool', 'the trail of the pool instead (role admin)')
    .option('--after <seq>', 'only entries after that number', wholeNumber('--after', 0), 0)
    .option('--out <file>', 'file to write to (default: stdout)')
    .action(async (repoId: string | undefined, options: ExportOptions, command: Command) => {
      const { api, out } = contextOf(command);
      const trail = trailOf(repoId, options.pool);
      const { trailLines } = await import('../audit.js');
      const target = options.out === undefined ? process.stdout : createWriteStream(options.out);
      let entries = 0;
      for await (const line of trailLines(await api(), trail, options.after)) {
        entries += 1;
        if (!target.write(`${line}\n`)) await once(target, 'drain');
      }
      if (options.out === undefined) return;
      target.end();
      await once(target, 'finish');
      out.result({ entries, file: options.out }, (style) => [
        `${style.green('✓')} ${entries} entries in ${options.out ?? ''}`,
      ]);
    });

  audit
    .command('verify')
    .description('check that nothing in an audit trail was altered, removed, inserted or reordered')
    .argument('[file]', 'what `audit export` wrote; -: standard input')
    .option('--repo <repoId>', 'the trail of a Repo as the pool has it, instead of a file')
    .option('--pool', 'the trail of the pool instead (role admin)')
    .option('--last <sha256>', 'hash that the last entry must have, kept from elsewhere')
    .option('--previous <sha256>', 'hash of the entry before the first line: of the end of the export before')
    .action(async (file: string | undefined, options: VerifyOptions, command: Command) => {
      const { api, out } = contextOf(command);
      const { fileLines, verifyLines, verifyLive } = await import('../audit.js');
      const { last, previous } = options;
      const verdict =
        file === undefined
          ? await verifyLive(await api(), trailOf(options.repo, options.pool), { last, previous })
          : await verifyLines(fileLines(file), { last, previous });
      const { ok, entries, fault } = verdict;
      if (!ok) process.exitCode = EXIT.failed;
      out.result(verdict, (style) =>
        fault === null
          ? [
              `${style.green('✓')} ${entries} entries, none altered.`,
              style.dim(`  The last is ${verdict.last?.seq ?? 0}: ${verdict.last?.sha256 ?? 'none'}`),
            ]
          : [
              `${style.red('✗')} Line ${fault.line}${fault.seq === null ? '' : ` (entry ${fault.seq})`}: ${fault.kind}.`,
              `  ${fault.message}`,
            ],
      );
    });
}

function trailOf(repoId: string | undefined, pool: boolean | undefined): string | null {
  if (pool === true) return null;
  if (repoId !== undefined) return repoId;
  throw usageError('Which trail?', 'Name a Repo, or give --pool.');
}
