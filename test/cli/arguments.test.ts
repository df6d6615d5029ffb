import { describe, expect, it } from '@jest/globals';
import { CommanderError } from 'commander';
import { jwtVerify } from 'jose';
import { shape, wholeNumber } from '../../src/cli/arguments.js';
import { CliError, EXIT, exitCodeOf, viewError } from '../../src/cli/errors.js';
import { applySettings } from '../../src/cli/set-option.js';
import { signToken } from '../../src/cli/token.js';
import { ConfigError } from '../../src/config/config-error.js';
import { NoAnswerError } from '../../src/protocol/client/no-answer.js';
import { CloudNodeError } from '../../src/protocol/errors.js';
import { claims } from '../../src/protocol/http.js';

describe('exit codes', () => {
  it.each([
    ['a refused job', new CloudNodeError('invalid_job', 'x'), EXIT.refused],
    ['a missing Repo', new CloudNodeError('repo_not_found', 'x'), EXIT.refused],
    ['no credentials', new CloudNodeError('unauthenticated', 'x'), EXIT.auth],
    ['the wrong role', new CloudNodeError('forbidden', 'x'), EXIT.auth],
    ['a full pool', new CloudNodeError('storage_full', 'x'), EXIT.unavailable],
    ['nobody there', new NoAnswerError('x'), EXIT.unavailable],
    ['a wrong variable', new ConfigError('x'), EXIT.config],
    ['a wrong flag', new CommanderError(1, 'commander.unknownOption', 'x'), EXIT.usage],
    ['help', new CommanderError(0, 'commander.helpDisplayed', 'x'), EXIT.ok],
    ['a failed session', new CliError(EXIT.failed, 'x'), EXIT.failed],
    ['anything else', new Error('x'), EXIT.failed],
  ])('%s', (_what, error, code) => {
    expect(exitCodeOf(error)).toBe(code);
  });

  it('come with a code and advice', () => {
    expect(viewError(new CloudNodeError('repo_not_found', 'There is no Repo "x".'))).toEqual({
      code: 'repo_not_found',
      message: 'There is no Repo "x".',
      advice: 'Check the Repo id: `cloud-node repo list`.',
      exitCode: 65,
    });
    expect(viewError(new NoAnswerError('No answer.')).advice).toContain('cloud-node up');
  });
});

describe('--set', () => {
  it('overrides dotted fields and leaves the rest', () => {
    const job = { name: 'a', termination: { maxRounds: 3, patience: 2 } };
    const settings = [
      'termination.maxRounds=5',
      'hyperparams.batchSize=10',
      'name=my job',
      'evaluation.on=pool',
    ];
    expect(applySettings(job, settings)).toEqual({
      name: 'my job',
      termination: { maxRounds: 5, patience: 2 },
      hyperparams: { batchSize: 10 },
      evaluation: { on: 'pool' },
    });
    expect(job.termination.maxRounds).toBe(3);
  });

  it('takes JSON values, also in place of others', () => {
    const target = { metric: 'accuracy', value: 0.97 };
    expect(applySettings({ target: null }, [`target=${JSON.stringify(target)}`])).toEqual({ target });
    expect(applySettings({ target: 3 }, ['target.value=null'])).toEqual({ target: { value: null } });
    expect(applySettings({}, ['name=a=b'])).toEqual({ name: 'a=b' });
  });

  it.each(['maxRounds', '=5', 'a..b=1', '__proto__.x=1', 'a b=1'])('refuses %s', (setting) => {
    expect(() => applySettings({}, [setting])).toThrow(CliError);
  });
});

it('reads numbers and shapes', () => {
  expect(wholeNumber('--rounds', 1)('20')).toBe(20);
  for (const text of ['0', '1.5', '-1', 'x', '']) {
    expect(() => wholeNumber('--rounds', 1)(text)).toThrow('--rounds takes a whole number from 1.');
  }
  expect([shape('784'), shape('28,28,1'), shape('28x28'), shape('')]).toEqual([
    [784],
    [28, 28, 1],
    [28, 28],
    [],
  ]);
  expect(() => shape('28,,1')).toThrow('whole numbers');
});

it('signs tokens that a gateway accepts', async () => {
  const secret = 's'.repeat(32);
  const request = { secret, role: 'explora', repos: ['demo'], subject: 'ada', expiresInMs: 60_000 } as const;
  const token = await signToken({ ...request, issuer: 'us' });
  const key = new TextEncoder().encode(secret);
  const { payload, protectedHeader } = await jwtVerify(token, key, { issuer: 'us', algorithms: ['HS256'] });
  expect(protectedHeader.alg).toBe('HS256');
  expect(claims.parse(payload)).toMatchObject({ sub: 'ada', role: 'explora', repos: ['demo'] });
  const expired = await signToken(request, Date.now() - 120_000);
  await expect(jwtVerify(expired, key)).rejects.toThrow('exp');
});
