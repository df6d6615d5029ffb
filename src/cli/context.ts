import type { Command } from 'commander';
import type { Explora } from '../explora/explora.js';
import type { PoolApi } from './api.js';
import { CliError, EXIT } from './errors.js';
import { createOutput, type Output } from './output.js';
import { readProfile, readSecret, type Profile } from './profile.js';

export const DEFAULT_DATA_DIR = '.cloud-node/data';
const DEFAULT_URL = 'http://127.0.0.1:8080';
const OWN_TOKEN_MS = 5 * 60_000;

/** The options that every command takes. */
export interface GlobalOptions {
  readonly url?: string;
  readonly token?: string;
  readonly json?: boolean;
  readonly dataDir: string;
}

type Env = Readonly<Record<string, string | undefined>>;

/** What a command works with, made from the global options, the environment and the profile of the data folder. */
export interface Context {
  readonly out: Output;
  readonly dataDir: string;
  readonly urls: readonly string[];
  /** The token given, or one signed here for each call of it, good for minutes. */
  readonly token: () => Promise<string>;
  readonly api: () => Promise<PoolApi>;
  readonly explora: (repoId: string) => Promise<Explora>;
}

export function contextOf(command: Command, env: Env = process.env): Context {
  const options = command.optsWithGlobals<GlobalOptions>();
  const profile = readProfile(options.dataDir);
  const urls = (options.url?.split(',').map((url) => url.trim()) ?? profile?.urls ?? [DEFAULT_URL]).map(
    checkUrl,
  );
  const token = (): Promise<string> =>
    options.token === undefined ? ownToken(profile, env) : Promise.resolve(options.token);
  return {
    out: createOutput(options.json ?? false),
    dataDir: options.dataDir,
    urls,
    token,
    async api() {
      const { PoolApi } = await import('./api.js');
      return new PoolApi({ urls, token });
    },
    async explora(repoId) {
      const [{ Explora }, { QUICK_BACKOFF }] = await Promise.all([
        import('../explora/explora.js'),
        import('./api.js'),
      ]);
      return new Explora({ urls, token, repoId, backoff: QUICK_BACKOFF });
    },
  };
}

/** AUTH_SECRET, the file that AUTH_SECRET_FILE names, or the secret of the profile. */
export async function findSecret(profile: Profile | null, env: Env): Promise<string> {
  const { parseEnv } = await import('../config/env.js');
  const { AUTH_SECRET, AUTH_SECRET_FILE } = env;
  const given = parseEnv({ AUTH_SECRET, AUTH_SECRET_FILE }).AUTH_SECRET;
  const secret = given ?? (profile === null ? null : readSecret(profile));
  if (secret !== null) return secret;
  throw new CliError(EXIT.auth, 'There is neither a token nor a secret to sign one with.', {
    advice:
      'Give --token (or CLOUD_NODE_TOKEN), set AUTH_SECRET to that of the gateways, ' +
      'or name the data folder of a pool on this machine with --data-dir.',
  });
}

async function ownToken(profile: Profile | null, env: Env): Promise<string> {
  const secret = await findSecret(profile, env);
  const { signToken } = await import('./token.js');
  return signToken({
    secret,
    role: 'admin',
    repos: ['*'],
    subject: 'cloud-node-cli',
    expiresInMs: OWN_TOKEN_MS,
    issuer: env['AUTH_ISSUER'],
    audience: env['AUTH_AUDIENCE'],
  });
}

function checkUrl(url: string): string {
  if (URL.canParse(url) && /^https?:/.test(url)) return url;
  throw new CliError(EXIT.usage, `"${url}" is not the URL of a gateway.`, {
    advice: `For example: --url ${DEFAULT_URL}`,
  });
}
