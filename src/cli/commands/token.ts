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
  program
    .command('token')
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
      const token = await signToken({ secret, role, repos, subject, expiresInMs, issuer, audience });
      out.result({ token, role, repos, subject, expiresInMs }, () => [token]);
    });
}
