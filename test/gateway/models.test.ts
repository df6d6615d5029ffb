import { request as httpRequest } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import * as tf from '@tensorflow/tfjs-core';
import * as layers from '@tensorflow/tfjs-layers';
import { checkModel } from '../../src/keras/check-model.js';
import { encodeFrame } from '../../src/protocol/frame.js';
import { rootHash, sha256Hex } from '../../src/tensors/hash.js';
import { signToken, startGateway, type TestGateway } from '../helpers/gateway.js';
import { eventually } from '../helpers/eventually.js';
import { bytesOf, modelFrame, PARAMS, ramp, TENSORS, TOPOLOGY } from '../helpers/open-round.js';
import { allKeys } from '../helpers/servers.js';

const MAX_BYTES = 20_000;
let pool: TestGateway;
let repoId: string;
let models: string;
beforeAll(async () => {
  pool = await startGateway({
    env: { MAX_MODEL_BYTES: String(MAX_BYTES) },
    models: { check: checkModel, close: () => Promise.resolve() },
  });
  ({ repoId } = await pool.repo());
  models = `/v1/repos/${repoId}/models`;
});
afterAll(() => pool.close());

const post = (frame: unknown) => pool.json(models, { method: 'POST', body: frame });
const blobKeys = async (): Promise<string[]> =>
  (await allKeys(pool.redis, pool.prefix)).filter((key) => /:([wu]\.|t$)/.test(key));

describe('uploading a model', () => {
  it('stores its shards and a record that can be checked', async () => {
    const { status, body } = await post(modelFrame());
    expect(status).toBe(201);
    expect(body).toMatchObject({ name: 'tiny', format: 'tfjs-layers', trainedBy: null, tensors: TENSORS });
    expect(body.modelId).toMatch(/^m-[0-9a-f]{24}$/);
    const { parameters } = body;
    expect(parameters).toMatchObject({ version: 0, shardParams: 8, paramCount: PARAMS });
    expect(parameters.shards).toHaveLength(4);
    expect(parameters.shards[3]).toBe(await sha256Hex(bytesOf(ramp()).subarray(96)));
    expect(parameters.sha256).toBe(await rootHash(parameters.shards));
  });

  it('keeps what is complete for good, and what breaks off in the middle only for a while', async () => {
    const lives = async (keys: readonly string[]): Promise<number[]> =>
      Promise.all(keys.map((key) => pool.redis.pttl(key)));
    const { body } = await post(modelFrame(ramp(PARAMS, 0.75)));
    const whole = (await blobKeys()).filter((key) => key.includes(body.parameters.scope));
    expect(await lives(whole)).toEqual([-1, -1, -1, -1]);

    const before = new Set(await blobKeys());
    const frame = modelFrame(ramp(PARAMS, 0.5));
    const authorization = `Bearer ${await signToken('admin', ['*'])}`;
    const request = httpRequest(`${pool.url}${models}`, { method: 'POST', headers: { authorization } });
    request.on('error', () => undefined);
    // Half of the values, and then the line goes quiet.
    request.write(frame.subarray(0, frame.length - PARAMS * 2));
    const half = await eventually(async () => {
      const added = (await blobKeys()).filter((key) => !before.has(key));
      return added.length > 0 && added;
    });
    for (const ms of await lives(half === false ? [] : half)) expect(ms).toBeGreaterThan(0);
    request.destroy();
  });

  it('gives the same record for the same content, and stores nothing new', async () => {
    const first = await post(modelFrame());
    const before = await blobKeys();
    const again = await post(modelFrame(ramp(), { name: 'renamed' }));
    expect(again.body).toEqual(first.body);
    await eventually(async () => expect(await blobKeys()).toEqual(before));
    const other = await post(modelFrame(ramp(PARAMS, 0.25)));
    expect(other.body.modelId).not.toBe(first.body.modelId);
  });

  it('refuses bytes that do not fit the tensors, naming both', async () => {
    const before = await blobKeys();
    for (const count of [PARAMS - 1, PARAMS + 1]) {
      const { status, body } = await post(modelFrame(ramp(count)));
      expect(status).toBe(422);
      expect(body.error.code).toBe('invalid_model');
      expect(body.error.message).toContain(`${PARAMS * 4} bytes`);
      expect(body.error.message).toContain(String(count * 4));
      // The same without a Content-Length.
      const chunked = await post(new Blob([modelFrame(ramp(count)) as BlobPart]).stream());
      expect(chunked.body.error.code).toBe('invalid_model');
    }
    await eventually(async () => expect(await blobKeys()).toEqual(before));
  });

  it('refuses NaN and frames that are none', async () => {
    const values = ramp();
    values[9] = NaN;
    expect((await post(modelFrame(values))).body.error.message).toContain('between parameters 8 and 15');
    expect((await post(new Uint8Array(64))).body.error.code).toBe('invalid_frame');
    expect((await post(new Uint8Array(3))).body.error.code).toBe('invalid_frame');
    expect((await post(modelFrame().subarray(0, 40))).body.error.code).toBe('invalid_frame');
  });

  it('refuses more than the limit from what is said and from what comes', async () => {
    const tensors = [{ name: 'w', shape: [MAX_BYTES], dtype: 'float32' }];
    const frame = encodeFrame({ topology: TOPOLOGY, tensors }, new Uint8Array(MAX_BYTES * 4));
    const told = await post(frame);
    expect(told.status).toBe(413);
    expect(told.body.error.message).toContain(String(MAX_BYTES));
    const chunked = await post(new Blob([frame as BlobPart]).stream());
    expect(chunked.body.error).toMatchObject({ code: 'payload_too_large' });
  });

  it('refuses tensors that are not those of the topology, naming the first', async () => {
    const [kernel, bias] = TENSORS;
    const cases: [object[], RegExp][] = [
      [[{ ...kernel, shape: [5, 4] }, bias!], /Tensor 0 \("dense_a\/kernel"\) has shape \[5, 4\].*\[4, 5\]/],
      [[{ ...kernel, name: 'other/kernel' }, bias!], /Tensor 0 is named "other\/kernel"/],
      [[kernel!], /more parameters than the 20/],
      [[kernel!, bias!, { name: 'extra', shape: [0], dtype: 'float32' }], /3 tensors; .* 2 weights/],
    ];
    for (const [tensors, message] of cases) {
      const count = tensors.length === 1 ? 20 : PARAMS;
      const { body } = await post(modelFrame(ramp(count), { tensors }));
      expect(body.error.code).toBe('invalid_model');
      expect(body.error.message).toMatch(message);
    }
  });

  it('takes names that TF.js made unique', async () => {
    const tensors = TENSORS.map((tensor) => ({ ...tensor, name: `${tensor.name}_1` }));
    expect((await post(modelFrame(ramp(), { tensors }))).status).toBe(201);
  });

  it('refuses a topology that can not be built, or that would fetch something', async () => {
    const broken = await post(modelFrame(ramp(), { topology: { class_name: 'Nonsense', config: {} } }));
    expect(broken.body.error).toMatchObject({ code: 'invalid_model' });
    expect(broken.body.error.message).toMatch(/can not be built.*Nonsense/);
    const topology = { modelTopology: TOPOLOGY, weightsManifest: [{ paths: ['http://x'], weights: [] }] };
    expect((await post(modelFrame(ramp(), { topology }))).body.error.message).toContain('"modelTopology"');
  });
});

describe('reading a model', () => {
  it('lists, gives the record, weights and topology', async () => {
    const { body: record } = await post(modelFrame());
    const { body } = await pool.json(models);
    const { v: _v, tensors: _tensors, ...shown } = record;
    expect(body.models).toContainEqual({ ...shown, tensorCount: 2 });
    expect((await pool.json(`${models}/${record.modelId}`)).body).toEqual(record);
    expect((await pool.json(`${models}/m-none`)).body.error.code).toBe('model_not_found');

    const weights = await pool.call(`${models}/${record.modelId}/weights`);
    expect(new Float32Array(await weights.arrayBuffer())).toEqual(ramp());
    expect(weights.headers.get('content-length')).toBe(String(PARAMS * 4));
    expect(weights.headers.get('cache-control')).toContain('immutable');
    const etag = weights.headers.get('etag') ?? '';
    expect(etag).toBe(`"${record.parameters.sha256}"`);
    const known = await pool.call(`${models}/${record.modelId}/weights`, {
      headers: { 'if-none-match': `"else", ${etag}` },
    });
    expect(known.status).toBe(304);
    expect(await known.text()).toBe('');
    const head = await pool.call(`${models}/${record.modelId}/weights`, { method: 'HEAD' });
    expect(head.headers.get('content-length')).toBe(String(PARAMS * 4));

    const topology = await pool.call(`/v1/repos/${repoId}/topologies/${record.topologySha256}`);
    const text = await topology.text();
    expect(JSON.parse(text)).toEqual(TOPOLOGY);
    expect(await sha256Hex(new TextEncoder().encode(text))).toBe(record.topologySha256);
    expect((await pool.json(`/v1/repos/${repoId}/topologies/0`)).status).toBe(404);
  });

  it('loads in TF.js as it is', async () => {
    const { body: record } = await post(modelFrame());
    const url = `${pool.url}${models}/${record.modelId}/tfjs/model.json`;
    const headers = { authorization: `Bearer ${await signToken('admin')}` };
    // Arrays that fetch makes outside of jest's realm are none to TF.js.
    const fetchFunc = async (path: string, init: RequestInit): Promise<Response> => {
      const answer = await fetch(path, init);
      if (!path.endsWith('.json')) return answer;
      const text = await answer.text();
      return { ok: true, json: async () => JSON.parse(text) } as Response;
    };
    const model = await layers.loadLayersModel(
      tf.io.browserHTTPRequest(url, { requestInit: { headers }, fetchFunc: fetchFunc as typeof fetch }),
    );
    const values = await Promise.all(model.getWeights().map((tensor) => tensor.data()));
    expect([...values.flatMap((data) => [...data])]).toEqual([...ramp()]);
    model.dispose();
  });

  it('breaks the connection, or says so, when a shard is gone', async () => {
    const { body: record } = await post(modelFrame(ramp(PARAMS, 3)));
    const { parameters } = record;
    const drop = (shard: number) =>
      pool.blobs.delete([{ repoId, scope: parameters.scope, shard, name: `w.${parameters.shards[shard]}` }]);
    await drop(2);
    const half = await pool.call(`${models}/${record.modelId}/weights`);
    await expect(half.arrayBuffer()).rejects.toThrow();
    const other = (await post(modelFrame(ramp(PARAMS, 4)))).body;
    await pool.blobs.delete([
      { repoId, scope: other.parameters.scope, shard: 0, name: `w.${other.parameters.shards[0]}` },
    ]);
    const gone = await pool.json(`${models}/${other.modelId}/weights`);
    expect(gone.body.error.code).toBe('version_not_found');
  });
});

describe('test sets', () => {
  const put = (frame: unknown, testSetId = 'default') =>
    pool.json(`/v1/repos/${repoId}/test-sets/${testSetId}`, { method: 'PUT', body: frame });
  const header = { numExamples: 5, inputShape: [4], labelShape: [2] };

  it('are stored in pieces, listed, and replaced with all their bytes', async () => {
    const before = await blobKeys();
    const { status, body } = await put(encodeFrame(header, bytesOf(ramp(30))));
    expect(status).toBe(200);
    expect(body).toMatchObject({ v: 1, testSetId: 'default', header, bytes: 120, chunkCount: 4 });
    expect(body.sha256).toBe(await sha256Hex(bytesOf(ramp(30))));
    const pieces = await Promise.all(
      Array.from({ length: 4 }, (_, shard) => pool.blobs.get({ repoId, scope: body.blob, shard, name: 't' })),
    );
    expect(Buffer.concat(pieces.map((piece) => piece!))).toEqual(Buffer.from(bytesOf(ramp(30))));
    await put(encodeFrame(header, bytesOf(ramp(30, 2))));
    await eventually(async () => expect((await blobKeys()).length).toBe(before.length + 4));
    const { testSets } = (await pool.json(`/v1/repos/${repoId}/test-sets`)).body;
    expect(testSets).toHaveLength(1);
  });

  it('are refused when they do not fit their header', async () => {
    expect((await put(encodeFrame(header, bytesOf(ramp(29))))).body.error.code).toBe('invalid_test_set');
    const bad = ramp(30);
    bad[3] = Infinity;
    expect((await put(encodeFrame(header, bytesOf(bad)))).body.error.code).toBe('invalid_test_set');
    expect((await put(encodeFrame({ ...header, numExamples: 10_000 }, new Uint8Array(8)))).status).toBe(413);
    expect((await put(encodeFrame(header, bytesOf(ramp(30))), 'a%20b')).status).toBe(400);
  });
});
