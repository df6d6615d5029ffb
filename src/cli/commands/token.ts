import { randomUUID } from 'node:crypto';
import { Option, type Command } from 'commander';
import type { Role } from '../../protocol/http.js';
import { collect, durationMs } from '../arguments.js';
import { contextOf, findSecret } from '../context.js';
import { usageError } from '../errors.js';
import { readProfile } from '../profile.js';

/** Commander offers the roles in its help, so that they are needed before anything else is loaded. */
const ROLES: readonly Role[] = ['admin', 'owner', 'explora', 'dashboard'];

interface TokenOptions {
  readonly role: Role;
  readonly repo?: readonly string[];
  readonly expires?: number;
  readonly subject: string;
}

export function addTokenCommand(program: Command): void {
  const token = program
    .command('token')
    .helpCommand(false)
    .description('sign a token for Explora or Dashboard with AUTH_SECRET, and print only it')
    .addOption(new Option('--role <role>', 'what its holder may do').choices(ROLES).default('explora'))
    .option('--repo <repoId>', 'Repo it is good for; repeat it for several', collect)
    .option('--expires <time>', 'how long it is good for, e.g. 30m, 12h, 7d (default: 12h)', durationMs)
    .option('--subject <name>', 'whose it is, for logs', 'cloud-node')
    .action(async (options: TokenOptions, command: Command) => {
      const { out, dataDir } = contextOf(command);
      const { role, subject, expires: expiresInMs = 12 * 3_600_000 } = options;
      if (role !== 'admin' && options.repo === undefined) {
        throw usageError(`A token with role ${role} needs a Repo.`, 'Give --repo <repoId>, or --role admin.');
      }
      const repos = options.repo ?? ['*'];
      const secret = await findSecret(readProfile(dataDir), process.env);
      const { signToken } = await import('../token.js');
      const { AUTH_ISSUER: issuer, AUTH_AUDIENCE: audience } = process.env;
      const jti = randomUUID();
      const signed = await signToken({ secret, role, repos, subject, expiresInMs, jti, issuer, audience });
      out.result({ token: signed, jti, role, repos, subject, expiresInMs }, () => [signed]);
      out.note(`To revoke it before its time: cloud-node token revoke --jti ${jti}`);
    });

  token
    .command('revoke')
    .description('make tokens invalid at every gateway, at once and for good')
    .option('--jti <id>', 'one token, by the id that it was signed with')
    .option('--of <subject>', 'all tokens of this subject that were issued until now')
    .action(async ({ jti, of: sub }: { jti?: string; of?: string }, command: Command) => {
      if ((jti === undefined) === (sub === undefined))
        throw usageError('Which tokens?', 'Give either --jti <id> or --of <subject>.');
      const { api, out } = contextOf(command);
      const what = jti === undefined ? { sub: sub ?? '' } : { jti };
      const answer = await (await api()).revokeTokens(what);
      out.result(answer, (style) => [
        jti === undefined
          ? `${style.green('✓')} The tokens of ${sub} are revoked.`
          : `${style.green('✓')} Token ${jti} is revoked.`,
      ]);
    });
}
