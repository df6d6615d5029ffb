import { beforeAll, describe, expect, it } from '@jest/globals';
import * as layers from '@tensorflow/tfjs-layers';
import {
  EvaluationNotDoneError,
  Explora,
  fromLayersModel,
  SessionFailedError,
} from '../../src/explora/index.js';
import { useBestNodeBackend } from '../../src/library/tf-backend-node.js';
import { CloudNodeError } from '../../src/protocol/errors.js';
import { decodeFrame, MAX_MODEL_HEADER_BYTES } from '../../src/protocol/frame.js';
import { modelUploadHeader, testSetHeader, type ParametersRef } from '../../src/protocol/model.js';
import { rootHash, sha256Hex } from '../../src/tensors/hash.js';
import { FakeGateway, type Handler } from './fake-gateway.js';

const job = { modelId: 'm-1', hyperparams: { batchSize: 1 } };
const backoff = { baseMs: 10, maxMs: 50 };
const explora = (urls: string | string[], token: string | (() => string) = 'token'): Explora =>
  new Explora({ urls, token, repoId: 'repo', backoff });

describe('uploads', () => {
  const model = {
    topology: { class_name: 'Sequential' },
    tensors: [{ name: 'w', shape: [2, 2], dtype: 'float32' as const }],
    weights: Float32Array.of(1, 2, 3, 4),
  };

  it('sends a model as one frame', async () => {
    const gateway = await FakeGateway.start(() => ({ modelId: 'm-1' }));
    expect(await explora(gateway.url).uploadModel({ ...model, name: 'mine' })).toEqual({ modelId: 'm-1' });
    expect(gateway.log).toEqual(['POST /v1/repos/repo/models']);
    const [{ body, headers }] = gateway.requests as [FakeGateway['requests'][number]];
    const { header, payload } = decodeFrame(modelUploadHeader, body, MAX_MODEL_HEADER_BYTES);
    const { weights, ...rest } = model;
    expect(header).toEqual({ ...rest, name: 'mine', format: 'tfjs-layers' });
    expect([...new Float32Array(Uint8Array.from(payload).buffer)]).toEqual([...weights]);
    expect(headers).toMatchObject({
      authorization: 'Bearer token',
      'content-type': 'application/vnd.cloud-node.frame',
    });
  });

  it('sends a test set as one frame: inputs, then labels', async () => {
    const gateway = await FakeGateway.start(() => ({ testSetId: 'mnist' }));
    await explora(gateway.url).uploadTestSet('mnist', {
      inputs: Float32Array.of(1, 2, 3, 4),
      inputShape: [2],
      labels: Float32Array.of(8, 9),
      labelShape: [],
      numExamples: 2,
    });
    expect(gateway.log).toEqual(['PUT /v1/repos/repo/test-sets/mnist']);
    const { header, payload } = decodeFrame(testSetHeader, gateway.requests[0]!.body);
    expect(header).toEqual({ numExamples: 2, inputShape: [2], labelShape: [] });
    expect([...new Float32Array(Uint8Array.from(payload).buffer)]).toEqual([1, 2, 3, 4, 8, 9]);
  });

  it('refuses what does not fit before sending it', async () => {
    const nowhere = explora('http://127.0.0.1:1');
    expect(() => nowhere.uploadModel({ ...model, weights: new Float32Array(3) })).toThrow(/3 weights.*4/);
    const shapes = { inputShape: [2], labelShape: [1], numExamples: 2 };
    const values = { inputs: new Float32Array(4), labels: new Float32Array(3) };
    expect(() => nowhere.uploadTestSet('t', { ...values, ...shapes })).toThrow(/3 labels.*2/);
  });

  describe('fromLayersModel', () => {
    beforeAll(async () => {
      await useBestNodeBackend();
    });

    it('takes a model apart so that it can be put together again', async () => {
      const original = layers.sequential({
        layers: [
          layers.layers.dense({ inputShape: [3], units: 4, activation: 'relu' }),
          layers.layers.batchNormalization(),
          layers.layers.dense({ units: 2 }),
        ],
      });
      const upload = await fromLayersModel(original);
      expect(upload.weights).toHaveLength(original.countParams());
      expect(upload.tensors.map(({ shape }) => shape)).toEqual(
        original.getWeights().map(({ shape }) => shape),
      );
      const flat = original.getWeights().flatMap((weight) => [...weight.dataSync()]);
      expect([...upload.weights]).toEqual(flat);
      const copy = await layers.loadLayersModel({ load: async () => ({ modelTopology: upload.topology }) });
      expect(copy.getWeights().map(({ shape }) => shape)).toEqual(
        original.getWeights().map(({ shape }) => shape),
      );
    });
  });
});

describe('evaluations', () => {
  const result = { loss: 0.5, accuracy: 0.75 };
  const seen = (state: string, more: object = {}): object => ({
    evaluationId: 'e-1',
    modelId: 'm-1',
    state,
    result: null,
    reason: null,
    ...more,
  });

  it('asks, waits, and returns the metrics', async () => {
    const answers = [seen('waiting'), seen('waiting'), seen('done', { result })];
    const gateway = await FakeGateway.start(() => answers.shift());
    const options = { loss: 'meanSquaredError', metrics: ['accuracy'] };
    expect(await explora(gateway.url).evaluate({ alias: 'production' }, options)).toEqual(result);
    const at = '/v1/repos/repo/evaluations';
    expect(gateway.log).toEqual([`POST ${at}`, `GET ${at}/e-1`, `GET ${at}/e-1`]);
    const asked = { model: { alias: 'production' }, testSetId: 'default', ...options };
    expect(JSON.parse(gateway.requests[0]!.body.toString())).toEqual(asked);
  });

  it('asks for the latest version of a session', async () => {
    const gateway = await FakeGateway.start(({ method }) =>
      method === 'POST' ? seen('done', { result }) : { version: 7 },
    );
    const session = explora(gateway.url).session('s-1');
    expect(await session.evaluate({ testSetId: 'other' })).toEqual(result);
    expect(JSON.parse(gateway.requests[1]!.body.toString())).toEqual({
      model: { sessionId: 's-1', version: 7 },
      testSetId: 'other',
    });
  });

  it('says why there is no score, and does not wait for ever', async () => {
    const failing = await FakeGateway.start(() => seen('failed', { reason: 'the shapes do not fit' }));
    const failed = explora(failing.url).evaluate({ modelId: 'm-1' });
    await expect(failed).rejects.toThrow(
      'Model m-1 can not be scored on test set "default": the shapes do not fit',
    );
    const waiting = await FakeGateway.start(() => seen('waiting'));
    const given = explora(waiting.url).evaluate({ modelId: 'm-1' }, { timeoutMs: 50 });
    const error: unknown = await given.catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(EvaluationNotDoneError);
    expect(error).toMatchObject({
      evaluation: { state: 'waiting' },
      message: expect.stringContaining('e-1 has waited 0.05 s'),
    });
    const stopped = explora(waiting.url).evaluate({ modelId: 'm-1' }, { signal: AbortSignal.timeout(20) });
    await expect(stopped).rejects.toThrow();
  });
});

describe('sessions', () => {
  const ended = (state: string, reason: string | null = null): object => ({
    sessionId: 's-1',
    state,
    reason,
    endedMs: 5,
    version: 2,
  });
  const event = (id: number, type: string): string =>
    `id: ${id}-0\nevent: ${type}\ndata: {"atMs":${id},"event":{"type":"${type}","reason":null}}\n\n`;

  it('submits, waits for the end, and returns how it went', async () => {
    let reads = 0;
    const gateway = await FakeGateway.start(({ method, path, response }) => {
      if (method === 'POST') return { sessionId: 's-1' };
      if (!path.endsWith('/events')) return (reads += 1) === 1 ? { state: 'running' } : ended('completed');
      response.write(': ping\n\n');
      response.end(event(1, 'session.completed'));
      return undefined;
    });
    const session = await explora(gateway.url).submit(job);
    expect(session.sessionId).toBe('s-1');
    expect(JSON.parse(gateway.requests[0]!.body.toString())).toEqual(job);
    expect(await session.result()).toEqual(ended('completed'));
  });

  it('throws the reason of a session that failed', async () => {
    const gateway = await FakeGateway.start(() => ended('failed', 'nobody came'));
    const failure = await explora(gateway.url)
      .session('s-1')
      .result()
      .catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(SessionFailedError);
    expect(failure).toMatchObject({ code: 'session_ended', message: 'Session s-1 failed: nobody came' });
  });

  it('follows events across broken connections and gateways, each once and in order', async () => {
    const from: (string | undefined)[] = [];
    const handler: Handler = ({ path, headers, response }) => {
      if (!path.endsWith('/events')) return { endedMs: null };
      const last = headers['last-event-id'] as string | undefined;
      from.push(last);
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      if (last === undefined) {
        response.write(event(1, 'session.recruiting'));
        // Cut in the middle of an event.
        response.write(event(2, 'round.opened') + event(3, 'round.closed').slice(0, 20));
        setTimeout(() => response.destroy(), 20);
      } else if (last === '2-0') {
        response.end(event(2, 'round.opened') + event(3, 'round.closed'));
      } else response.end(event(4, 'session.completed') + event(5, 'session.failed'));
      return undefined;
    };
    const gateways = [await FakeGateway.start(handler), await FakeGateway.start(handler)];
    const ids: string[] = [];
    for await (const { id } of explora(gateways.map(({ url }) => url))
      .session('s-1')
      .follow())
      ids.push(id);
    expect(ids).toEqual(['1-0', '2-0', '3-0', '4-0']);
    expect(from).toEqual([undefined, '2-0', '3-0']);
    expect(gateways.every(({ log }) => log.length > 0)).toBe(true);
  });

  it('ends when there is nothing left to follow, and when it is told to', async () => {
    const gateway = await FakeGateway.start(({ path, response }) => {
      if (path.endsWith('/events')) return void response.end(': ping\n\n');
      return ended('completed');
    });
    const session = explora(gateway.url).session('s-1');
    expect((await session.follow({ afterEventId: '9-0' }).next()).done).toBe(true);

    const hanging = await FakeGateway.start(({ response }) => void response.write(event(1, 'round.opened')));
    const controller = new AbortController();
    const events = explora(hanging.url).session('s-1').follow({ signal: controller.signal });
    expect((await events.next()).done).toBe(false);
    setTimeout(() => controller.abort(), 20);
    expect((await events.next()).done).toBe(true);
  });

  it('does not go on following what does not exist', async () => {
    const gateway = await FakeGateway.start(() => {
      throw new CloudNodeError('session_not_found', 'no such session');
    });
    const events = explora(gateway.url).session('s-9').follow();
    await expect(events.next()).rejects.toMatchObject({ code: 'session_not_found' });
    expect(gateway.log).toHaveLength(1);
  });

  it('works over Socket.IO as well', async () => {
    const follows: unknown[] = [];
    const gateway = await FakeGateway.start(
      () => ({ endedMs: null }),
      (socket) => {
        socket.on('job:submit', (input, ack) => {
          if (input.job.modelId === 'm-1') ack({ ok: true, session: { sessionId: 's-1' } });
          else ack({ ok: false, error: new CloudNodeError('invalid_job', 'bad').toWire() });
        });
        socket.on('session:follow', (input, ack) => {
          follows.push(input.afterEventId);
          ack({ ok: true });
          const send = (n: number, type: string, sessionId = 's-1'): void =>
            void socket.emit('session:event', {
              repoId: 'repo',
              sessionId,
              id: `${n}-0`,
              atMs: n,
              event: { type },
            });
          if (input.afterEventId === null) {
            send(1, 'round.opened');
            send(1, 'session.completed', 's-2');
            setTimeout(() => socket.disconnect(true), 20);
          } else send(2, 'session.completed');
        });
      },
    );
    const client = explora(gateway.url);
    const session = await client.submit(job, { via: 'socket' });
    const ids: string[] = [];
    for await (const { id } of session.follow({ via: 'socket' })) ids.push(id);
    expect(ids).toEqual(['1-0', '2-0']);
    expect(follows).toEqual([null, '1-0']);
    await expect(client.submit({ ...job, modelId: 'm-2' }, { via: 'socket' })).rejects.toMatchObject({
      code: 'invalid_job',
    });
  });
});

describe('downloads', () => {
  const weights = Float32Array.from({ length: 10 }, (_, i) => i / 3);
  const bytes = new Uint8Array(weights.buffer);
  const topology = '{"class_name":"Sequential"}';

  async function serve(overrides: Partial<ParametersRef> = {}): Promise<FakeGateway> {
    const shards = [
      await sha256Hex(bytes.subarray(0, 16)),
      await sha256Hex(bytes.subarray(16, 32)),
      await sha256Hex(bytes.subarray(32)),
    ];
    const sha256 = await rootHash(shards);
    const parameters = {
      scope: 'x',
      version: 0,
      sha256,
      shards,
      shardParams: 4,
      paramCount: 10,
      ...overrides,
    };
    const record = { parameters, topologySha256: await sha256Hex(Buffer.from(topology)) };
    return FakeGateway.start(({ path }) => {
      if (path.endsWith('/weights')) return bytes;
      if (path.includes('/topologies/')) return Buffer.from(topology);
      return path.endsWith('/s-1') ? { version: 3 } : record;
    });
  }

  it('fetches a model with topology and weights', async () => {
    const gateway = await serve();
    const model = await explora(gateway.url).downloadModel('m-1');
    expect(model.weights).toEqual(weights);
    expect(model.topology).toEqual(JSON.parse(topology));
  });

  it('fetches the latest version of a session, or another one', async () => {
    const gateway = await serve();
    const session = explora(gateway.url).session('s-1');
    expect((await session.weights()).weights).toEqual(weights);
    await session.weights(1);
    expect(gateway.log.filter((line) => line.endsWith('/weights'))).toEqual([
      'GET /v1/repos/repo/sessions/s-1/versions/3/weights',
      'GET /v1/repos/repo/sessions/s-1/versions/1/weights',
    ]);
  });

  it.each<[string, Partial<ParametersRef>, RegExp]>([
    ['other hashes', { sha256: 'a'.repeat(64) }, /do not belong/],
    ['too many bytes', { paramCount: 9 }, /More than the 36 bytes/],
  ])('refuses %s', async (_, overrides, message) => {
    const gateway = await serve(overrides);
    await expect(explora(gateway.url).downloadModel('m-1')).rejects.toThrow(message);
  });

  it('refuses parameters that differ in one bit', async () => {
    const gateway = await serve();
    const session = explora(gateway.url).session('s-1');
    bytes[20]! ^= 1;
    await expect(session.weights()).rejects.toThrow(/Shard 1 has the SHA-256/);
    bytes[20]! ^= 1;
  });
});
