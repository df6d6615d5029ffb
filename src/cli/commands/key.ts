import type { Command } from 'commander';
import type { KeyView } from '../../protocol/http.js';
import { durationMs } from '../arguments.js';
import { contextOf } from '../context.js';
import { relativeTime } from '../format.js';
import type { Style } from '../style.js';
import { renderTable } from '../table.js';

export function addKeyCommands(program: Command): void {
  const key = program
    .command('key')
    .description('create, list and revoke API keys of Libraries')
    .helpCommand(false);

  key
    .command('create')
    .description('make an API key; it is shown once')
    .argument('<repoId>')
    .option('--label <label>', 'for people: who has it', '')
    .option(
      '--expires <time>',
      'how long it is good for, e.g. 90d (default: until it is revoked)',
      durationMs,
    )
    .action(async (repoId: string, options: { label: string; expires?: number }, command: Command) => {
      const { api, out } = contextOf(command);
      const created = await (
        await api()
      ).createKey(repoId, {
        label: options.label,
        expiresInMs: options.expires ?? null,
      });
      out.result(created, () => [created.apiKey]);
      out.note('This is the only time that the key is shown: only its hash is stored.');
    });

  key
    .command('list')
    .description('list the keys of a Repo, without their secrets')
    .argument('<repoId>')
    .action(async (repoId: string, _options, command: Command) => {
      const { api, out } = contextOf(command);
      const keys = await (await api()).keys(repoId);
      const nowMs = Date.now();
      out.result({ keys }, (style) =>
        renderTable(
          [
            { title: 'Key', value: (row) => row.keyId },
            { title: 'Label', value: (row) => row.label },
            { title: 'Created', value: (row) => relativeTime(row.createdMs, nowMs) },
            {
              title: 'State',
              value: (row) => stateOf(row, nowMs, style),
            },
            {
              title: 'Last used',
              value: ({ lastUsedMs }) => (lastUsedMs === null ? 'never' : relativeTime(lastUsedMs, nowMs)),
            },
          ],
          keys,
          { style, width: out.width, empty: `No keys yet. Make one: cloud-node key create ${repoId}` },
        ),
      );
    });

  key
    .command('revoke')
    .description('make a key invalid, at once and for good')
    .argument('<repoId>')
    .argument('<keyId>', 'as `key list` shows it')
    .action(async (repoId: string, keyId: string, _options, command: Command) => {
      const { api, out } = contextOf(command);
      const answer = await (await api()).revokeKey(repoId, keyId);
      out.result(answer, (style) => [`${style.green('✓')} Key ${keyId} is revoked.`]);
    });
}

function stateOf({ revokedMs, expiresMs }: KeyView, nowMs: number, style: Style): string {
  if (revokedMs !== null) return style.red(`revoked ${relativeTime(revokedMs, nowMs)}`);
  if (expiresMs === null) return style.green('valid');
  const when = relativeTime(expiresMs, nowMs);
  return expiresMs <= nowMs ? style.red(`ended ${when}`) : style.green(`valid, ends ${when}`);
}
