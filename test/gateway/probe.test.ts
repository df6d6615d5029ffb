import { afterAll, beforeAll, describe, expect, it, test } from '@jest/globals';
import { Explora } from '../../src/explora/explora.js';
import type { Probe } from '../../src/protocol/probe.js';
import { signToken, startGateway, type Json, type TestGateway } from '../helpers/gateway.js';
import { kerasHere } from '../helpers/keras-here.js';
import { ramp, uploadModel } from '../helpers/open-round.js';
import { expectedOf, fixture } from '../keras/fixtures.js';

let pool: TestGateway;
beforeAll(async () => {
  pool = await startGateway({ keras: kerasHere });
});
afterAll(() => pool.close());

/** Two inputs and two outputs. */
const FILE = 'multi_io.k3.keras';

function probeOf(file = FILE): Probe {
  const { inputs, outputs } = expectedOf(file);
  return structuredClone({ inputs, outputs });
}

async function repoWith(file = FILE): Promise<{ repoId: string; modelId: string }> {
  const { repoId } = await pool.repo();
  const upload = { method: 'POST', body: fixture(file) };
  const { status, body } = await pool.json(`/v1/repos/${repoId}/models?format=keras`, upload);
  expect(status).toBe(201);
  return { repoId, modelId: body.modelId as string };
}

const submit = (
  at: { repoId: string; modelId: string },
  probe: unknown,
): Promise<{ status: number; body: Json }> =>
  pool.json(`/v1/repos/${at.repoId}/sessions`, {
    method: 'POST',
    body: { modelId: at.modelId, hyperparams: { batchSize: 1 }, probe },
  });

const sessionsOf = async (repoId: string): Promise<number> =>
  (await pool.json(`/v1/repos/${repoId}/sessions`)).body.total as number;

async function keysOf(repoId: string): Promise<string[]> {
  const keys = await pool.redis.keys(`${pool.prefix}:{${repoId}*`);
  return keys.filter((key) => !key.includes(':audit')).sort();
}

describe('a job with a probe', () => {
  it('is accepted when the model answers so, and the probe is nowhere afterwards', async () => {
    const at = await repoWith();
    const { status, body } = await submit(at, probeOf());
    expect(status).toBe(201);
    expect(body.state).toBe('queued');
    expect(body.job).not.toHaveProperty('probe');
    const record = await pool.redis.hget(`${pool.prefix}:{${at.repoId}}:session:${body.sessionId}`, 'record');
    expect(record).toContain(at.modelId);
    expect(record).not.toContain('probe');
  });

  it('may be sent again, with its model: the model is the same, the session another', async () => {
    const at = await repoWith();
    const upload = { method: 'POST', body: fixture(FILE) };
    const again = await pool.json(`/v1/repos/${at.repoId}/models?format=keras`, upload);
    expect(again.body.modelId).toBe(at.modelId);
    const answers = [await submit(at, probeOf()), await submit(at, probeOf())];
    expect(answers.map(({ status }) => status)).toEqual([201, 201]);
    expect(await sessionsOf(at.repoId)).toBe(2);
  });

  it('is refused with the output that is another and by how much, and nothing is stored', async () => {
    const at = await repoWith();
    const before = await keysOf(at.repoId);
    const probe = probeOf();
    const { values } = probe.outputs[1]!;
    values[0]! += 0.5;
    const { status, body } = await submit(at, probe);
    expect(status).toBe(422);
    expect(body.error.code).toBe('model_unsupported');
    expect(body.error.message).toMatch(
      /^"probe\.outputs\.1", value 0: the model answers \S+ where \S+ is expected\. They differ by 0\.5; 0\.0\d+ is allowed\./,
    );
    expect(await keysOf(at.repoId)).toEqual(before);
    expect(await sessionsOf(at.repoId)).toBe(0);
  });

  it('is asked of a model that was never in Keras too', async () => {
    const { repoId } = await pool.repo();
    const modelId = await uploadModel(pool, repoId);
    const [kernel, bias] = [ramp().subarray(0, 20), ramp().subarray(20)];
    const answers = Array.from(bias, (value, unit) => value + kernel[unit]! - kernel[unit + 15]!);
    const inputs = [{ shape: [1, 4], values: [1, 0, 0, -1] }];
    const right = { inputs, outputs: [{ shape: [1, 5], values: answers }] };
    expect((await submit({ repoId, modelId }, right)).status).toBe(201);
    const wrong = { inputs, outputs: [{ shape: [1, 5], values: answers.with(4, 0) }] };
    expect((await submit({ repoId, modelId }, wrong)).body.error.message).toContain(
      '"probe.outputs.0", value 4',
    );
  });

  it.each(['http', 'socket'] as const)('goes by the SDK, over %s', async (via) => {
    const { repoId, modelId } = await repoWith();
    const explora = new Explora({ url: pool.url, token: await signToken('explora', [repoId]), repoId });
    const job = { modelId, hyperparams: { batchSize: 1 } };
    const session = await explora.submit({ ...job, probe: probeOf() }, { via });
    expect((await session.get()).state).toBe('queued');
    const { inputs, outputs } = probeOf();
    const probe = { inputs, outputs: outputs.toReversed() };
    await expect(explora.submit({ ...job, probe }, { via })).rejects.toMatchObject({ code: 'invalid_job' });
  });
});

test.each<[string, (probe: Probe) => unknown, string, RegExp]>([
  ['is something else', () => 7, 'invalid_job', /^"probe": /],
  ['has no outputs', ({ inputs }) => ({ inputs }), 'invalid_job', /^"probe\.outputs": /],
  ['has another field', (probe) => ({ ...probe, tolerance: 1 }), 'invalid_job', /"tolerance" in "probe"/],
  [
    'has an input too few',
    ({ inputs }) => void inputs.pop(),
    'invalid_job',
    /^"probe\.inputs": there are 1; the model has 2: "/,
  ],
  [
    'has an input of another shape',
    ({ inputs }) => void inputs[0]!.shape.push(1),
    'invalid_job',
    /^"probe\.inputs\.0": its shape is \[.*, 1\]; that of the model is \[null, /,
  ],
  [
    'has fewer values than its shape',
    ({ outputs }) => void outputs[1]!.values.pop(),
    'invalid_job',
    /^"probe\.outputs\.1\.values": there are \d+; the shape \[.*\] has \d+/,
  ],
  [
    'has a number that JSON has not',
    ({ inputs }) => void (inputs[0]!.values[0] = NaN),
    'invalid_job',
    /^"probe\.inputs\.0\.values\.0": it is null, not a finite number/,
  ],
  [
    'has nothing but wrong values, and only one of them is told',
    ({ inputs }) => void (inputs[0]!.values = Array<number>(50_000).fill(NaN)),
    'invalid_job',
    /^"probe\.inputs\.0\.values\.0": it is null, not a finite number\.$/,
  ],
  [
    'has lists in its lists',
    ({ inputs }) => void (inputs[0]!.values[0] = [1] as never),
    'invalid_job',
    /^"probe\.inputs\.0\.values\.0": it is \[1\], not a finite number/,
  ],
  [
    'has more values than there are',
    ({ inputs }) => void (inputs[0]!.shape = Array<number>(8).fill(2 ** 50)),
    'invalid_job',
    /^"probe\.inputs\.0\.values": there are/,
  ],
  [
    'has ten dimensions',
    ({ inputs }) => void (inputs[0]!.shape = Array<number>(10).fill(1)),
    'invalid_job',
    /^"probe\.inputs\.0\.shape": /,
  ],
  [
    'has batches of several sizes',
    ({ inputs }) =>
      void Object.assign(inputs[0]!, {
        shape: [1, ...inputs[0]!.shape.slice(1)],
        values: inputs[0]!.values.slice(0, inputs[0]!.values.length / inputs[0]!.shape[0]!),
      }),
    'invalid_job',
    /^"probe\.outputs\.0": its shape is \[2, 2\]; that of the model is \[1, 2\]/,
  ],
  [
    'is deep',
    () => JSON.parse('['.repeat(200) + ']'.repeat(200)) as unknown,
    'invalid_request',
    /deeper than 100/,
  ],
  [
    'is huge',
    ({ inputs }) => void (inputs[0]!.values = Array<number>(150_000).fill(1)),
    'payload_too_large',
    /262144 bytes \(MAX_JSON_BYTES\)/,
  ],
])('a job is refused whose probe %s', async (_, change, code, message) => {
  const at = await repoWith();
  const probe = probeOf();
  const { body } = await submit(at, change(probe) ?? probe);
  expect(body.error).toMatchObject({ code, message: expect.stringMatching(message) as unknown });
  expect(await sessionsOf(at.repoId)).toBe(0);
});

test('a number beyond all numbers is none', async () => {
  const { repoId, modelId } = await repoWith();
  const job = JSON.stringify({ modelId, hyperparams: { batchSize: 1 }, probe: probeOf() });
  const body = new TextEncoder().encode(job.replace(/"values":\[[^,]+/, '"values":[1e999'));
  const { body: answer } = await pool.json(`/v1/repos/${repoId}/sessions`, { method: 'POST', body });
  expect(answer.error).toMatchObject({ code: 'invalid_job' });
  expect(answer.error.message).toMatch(/^"probe\.inputs\.0\.values\.0": /);
});

describe('the limits of a probe', () => {
  it('4 MiB, where a body of JSON may have more', async () => {
    const wide = await startGateway({
      like: pool,
      keras: kerasHere,
      env: { MAX_JSON_BYTES: String(2 ** 24) },
    });
    try {
      const at = await repoWith();
      const inputs = [{ shape: [1, 1_500_000], values: Array<number>(1_500_000).fill(10) }];
      const body = { modelId: at.modelId, hyperparams: { batchSize: 1 }, probe: { ...probeOf(), inputs } };
      const answer = await wide.json(`/v1/repos/${at.repoId}/sessions`, { method: 'POST', body });
      expect(answer.body.error).toMatchObject({
        code: 'invalid_job',
        message: '"probe": as JSON it may have 4194304 bytes.',
      });
    } finally {
      await wide.close();
    }
  });

  it('a model of MAX_KERAS_BYTES, and one of a Repo at once', async () => {
    let answerNow: () => void = () => undefined;
    const waits = new Promise<void>((resolve) => (answerNow = resolve));
    let isAsked: () => void = () => undefined;
    const asked = new Promise<void>((resolve) => (isAsked = resolve));
    const slow = await startGateway({
      like: pool,
      env: { MAX_KERAS_BYTES: '1024' },
      keras: { ...kerasHere, probe: async () => (isAsked(), await waits, 0) },
    });
    const ask = (at: { repoId: string; modelId: string }): Promise<{ status: number; body: Json }> =>
      slow.json(`/v1/repos/${at.repoId}/sessions`, {
        method: 'POST',
        body: { modelId: at.modelId, hyperparams: { batchSize: 1 }, probe: probeOf() },
      });
    try {
      const large = await ask(await repoWith('mcmahan_2nn.k3.keras'));
      expect(large.body.error).toMatchObject({ code: 'payload_too_large' });
      expect(large.body.error.message).toMatch(/with a probe it may have 1024 \(MAX_KERAS_BYTES\)/);
      const { repoId } = await pool.repo();
      const at = { repoId, modelId: await uploadModel(pool, repoId) };
      const first = ask(at);
      await asked;
      expect((await ask(at)).body.error).toMatchObject({ code: 'gateway_busy', retryable: true });
      answerNow();
      expect((await first).status).toBe(201);
    } finally {
      answerNow();
      await slow.close();
    }
  });
});
