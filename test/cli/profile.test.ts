import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Command } from 'commander';
import { contextOf, findSecret } from '../../src/cli/context.js';
import { exitCodeOf } from '../../src/cli/errors.js';
import { ensureSecret, readProfile, writeProfile } from '../../src/cli/profile.js';

let dataDir: string;
beforeEach(async () => {
  dataDir = await mkdtemp(path.join(tmpdir(), 'cn-profile-'));
});
afterEach(async () => {
  await rm(dataDir, { recursive: true, force: true });
});

const profile = (): Parameters<typeof writeProfile>[1] => ({
  v: 1,
  pid: null,
  urls: ['http://127.0.0.1:9001', 'http://127.0.0.1:9002'],
  secretFile: path.join(dataDir, 'auth-secret'),
  startedMs: 1,
});

describe('profile', () => {
  it('is read back, and null where there is none', () => {
    expect(readProfile(dataDir)).toBeNull();
    writeProfile(dataDir, profile());
    expect(readProfile(dataDir)).toEqual(profile());
  });

  it('says what to do when it is broken', async () => {
    await writeFile(path.join(dataDir, 'profile.json'), '{');
    expect(() => readProfile(dataDir)).toThrow(/profile\.json cannot be read/);
  });

  it('keeps one secret, for its owner only', async () => {
    const { file, secret } = ensureSecret(dataDir);
    expect(secret).toMatch(/^[0-9a-f]{64}$/);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(ensureSecret(dataDir)).toEqual({ file, secret });
  });
});

describe('context', () => {
  const run = async (
    args: readonly string[],
    env: Record<string, string> = {},
  ): Promise<ReturnType<typeof contextOf>> => {
    let context: ReturnType<typeof contextOf> | undefined;
    const program = new Command()
      .option('--url <url>')
      .option('--token <token>')
      .option('--json')
      .option('--data-dir <dir>', '', dataDir);
    program.command('look').action((_options, command: Command) => {
      context = contextOf(command, env);
    });
    await program.parseAsync(['look', ...args], { from: 'user' });
    return context!;
  };

  it('takes gateways from the flag, else from the profile, else the default', async () => {
    expect((await run([])).urls).toEqual(['http://127.0.0.1:8080']);
    writeProfile(dataDir, profile());
    expect((await run([])).urls).toEqual(profile().urls);
    expect((await run(['--url', 'http://a:1,http://b:2'])).urls).toEqual(['http://a:1', 'http://b:2']);
    await expect(run(['--url', 'not a url'])).rejects.toThrow('not the URL of a gateway');
  });

  it('uses the token given, else signs one with AUTH_SECRET or the profile', async () => {
    await expect((await run([])).token()).rejects.toThrow('neither a token nor a secret');
    expect(await (await run(['--token', 'abc'])).token()).toBe('abc');
    const { secret } = ensureSecret(dataDir);
    writeProfile(dataDir, profile());
    expect(await findSecret(readProfile(dataDir), {})).toBe(secret);
    expect(await findSecret(readProfile(dataDir), { AUTH_SECRET: 'x'.repeat(40) })).toBe('x'.repeat(40));
    expect((await (await run([])).token()).split('.')).toHaveLength(3);
  });

  it('asks for credentials with exit code 77', async () => {
    const error: unknown = await (await run([])).token().catch((reason: unknown) => reason);
    expect(exitCodeOf(error)).toBe(77);
  });
});
