import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '../helpers/eventually.js';
import { SECRET, signToken } from '../helpers/gateway.js';
import { uniqueId } from '../helpers/namespace.js';
import { modelFrame, ramp, TENSORS } from '../helpers/open-round.js';
import { spawnNode, type NodeProcess } from '../helpers/processes.js';
import { defaultServer, serverEnv } from '../helpers/servers.js';

const RUN = ['bin/cloud-node.mjs', 'gateway'];
const env = (more: Record<string, string> = {}) => ({
  ...serverEnv(defaultServer()),
  REDIS_PREFIX: uniqueId('g'),
  AUTH_SECRET: SECRET,
  HOST: '127.0.0.1',
  PORT: '0',
  LOG_LEVEL: 'info',
  DRAIN_MS: '500',
  ...more,
});

describe('a gateway as a process', () => {
  let node: NodeProcess;
  let ready: { role: string; url: string; nodeId: string };
  let token: string;
  beforeAll(async () => {
    node = spawnNode(RUN, { env: env() });
    ready = JSON.parse(await node.waitForLine(/"ready":true/, 20_000));
    token = await signToken('admin');
  });
  afterAll(() => node.stop());

  const call = async (path: string, options: RequestInit = {}) => {
    const headers = { authorization: `Bearer ${token}` };
    const answer = await fetch(`${ready.url}${path}`, { headers, ...options });
    return { status: answer.status, body: await answer.json() };
  };

  it('says that it is ready, and is listed in the pool', async () => {
    expect(ready).toMatchObject({
      role: 'gateway',
      url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
    });
    await eventually(async () => {
      const { nodes } = (await call('/v1/pool')).body;
      expect(nodes).toMatchObject([{ nodeId: ready.nodeId, role: 'gateway', url: ready.url, slots: 0 }]);
      expect(nodes[0].version).toMatch(/^\d+\.\d+\.\d+/);
    });
  });

  it('checks models in a thread', async () => {
    await call('/v1/repos', { method: 'POST', body: JSON.stringify({ repoId: 'r' }) });
    const post = (frame: Uint8Array) =>
      call('/v1/repos/r/models', { method: 'POST', body: frame as BodyInit });
    expect((await post(modelFrame())).status).toBe(201);
    const [kernel, bias] = TENSORS;
    const tensors = [{ ...kernel, shape: [2, 10] }, bias];
    const refused = await post(modelFrame(ramp(), { tensors }));
    expect(refused.body.error.code).toBe('invalid_model');
    expect(refused.body.error.message).toContain('dense_a/kernel');
  });

  it('ends by the signal that it was sent, in order and without noise', async () => {
    expect(await node.stop()).toBe('SIGTERM');
    const logged = node.lines.filter((line) => !line.includes('"ready":true'));
    expect(logged.map((line) => JSON.parse(line).level as number).every((level) => level <= 40)).toBe(true);
    expect(node.lines.filter((line) => line.includes('the pool is unsigned'))).toHaveLength(1);
    expect(node.lines.join('\n')).toContain('"closed"');
    expect(node.lines.join('\n')).not.toContain('close step failed');
  });
});

describe('a gateway that can not start', () => {
  it('says what is wrong with its configuration', async () => {
    const node = spawnNode(RUN, { env: env({ PORT: 'x', AUTH_SECRET: 'short' }) });
    expect(await node.ended).toBe(78);
    expect(node.lines.join('\n')).toMatch(/PORT: .*\n.*AUTH_SECRET: /);
    const open = spawnNode(RUN, { env: env({ AUTH_SECRET: '' }) });
    expect(await open.ended).toBe(78);
    expect(open.lines.join('\n')).toContain('AUTH_JWKS_URL');
  });

  it('says which key or certificate is wrong, and never what is in it', async () => {
    const starts = async (more: Record<string, string>): Promise<string> => {
      const node = spawnNode(RUN, { env: env(more) });
      expect(await node.ended).toBe(78);
      return node.lines.join('\n');
    };
    const [key, pair] = await Promise.all([
      starts({ POOL_KEY: 'not-a-key-but-a-secret' }),
      starts({ TLS_CERT: 'no certificate', TLS_KEY: 'not-a-key-but-a-secret' }),
    ]);
    expect(key).toContain('POOL_KEY: use an Ed25519 private key');
    expect(pair).toContain('TLS_CERT, TLS_KEY');
    expect(key + pair).not.toContain('not-a-key');
  });

  it('says that Redis is missing', async () => {
    const node = spawnNode(RUN, { env: env({ REDIS_URL: 'redis://127.0.0.1:1', REDIS_CONNECT_MS: '300' }) });
    expect(await node.ended).toBe(69);
    expect(node.lines.join('\n')).toMatch(/Redis at redis:\/\/127.0.0.1:1 did not answer within 0.3 s/);
  });
});
