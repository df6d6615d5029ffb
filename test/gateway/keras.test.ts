import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { checkModel } from '../../src/keras/check-model.js';
import { readKerasModel } from '../../src/keras/read-keras-model.js';
import { bits, expectedOf, fixture, largestError } from '../keras/fixtures.js';
import { signToken, startGateway, type TestGateway } from '../helpers/gateway.js';
import { kerasHere } from '../helpers/keras-here.js';
import { modelFrame } from '../helpers/open-round.js';

const MAX_KERAS_BYTES = 60_000;
let pool: TestGateway;
let models: string;
beforeAll(async () => {
  pool = await startGateway({
    env: { MAX_KERAS_BYTES: String(MAX_KERAS_BYTES) },
    models: { check: checkModel, close: () => Promise.resolve() },
    keras: kerasHere,
  });
  const { repoId } = await pool.repo();
  models = `/v1/repos/${repoId}/models`;
});
afterAll(() => pool.close());

const post = (file: Uint8Array, query: string) =>
  pool.json(`${models}${query}`, { method: 'POST', body: file });

async function download(
  modelId: string,
  format: string,
): Promise<{ type: string | null; bytes: Uint8Array }> {
  const authorization = `Bearer ${await signToken('admin', ['*'])}`;
  const answer = await fetch(`${pool.url}${models}/${modelId}?format=${format}`, {
    headers: { authorization },
  });
  expect(answer.status).toBe(200);
  return { type: answer.headers.get('content-type'), bytes: new Uint8Array(await answer.arrayBuffer()) };
}

describe('Keras files at a gateway', () => {
  it.each(['mlp.k2.h5', 'mlp.k3.h5', 'mlp.k3.keras', 'nested.k3.keras', 'frozen.k2.h5'])(
    'takes %s, and gives it back for Keras',
    async (file) => {
      const original = await readKerasModel(fixture(file));
      const { status, body } = await post(fixture(file), `?format=${original.format}`);
      expect(status).toBe(201);
      expect(body).toMatchObject({ name: original.name, format: 'tfjs-layers', tensors: original.tensors });
      expect(body.keras).toEqual({ training: original.training, notes: original.notes });
      for (const format of ['h5', 'keras'] as const) {
        const { type, bytes } = await download(body.modelId as string, format);
        expect(type).toBe(format === 'h5' ? 'application/x-hdf5' : 'application/zip');
        const again = await readKerasModel(bytes);
        expect(again.format).toBe(format);
        expect(bits(again)).toEqual(bits(original));
        expect(again.training).toEqual(original.training);
        expect(await largestError(again, expectedOf(file))).toBeLessThan(1e-5);
      }
      // And as TF.js loads it.
      const tfjs = await pool.json(`${models}/${body.modelId}/tfjs/model.json`);
      expect(tfjs.body.modelTopology.model_config).toEqual(original.topology.model_config);
    },
  );

  it('knows a Keras file by its content type, and takes a name for it', async () => {
    const headers = { 'content-type': 'application/x-hdf5' };
    const file = fixture('gru.k3.h5');
    const { status, body } = await pool.json(`${models}?name=mine`, { method: 'POST', body: file, headers });
    expect(status).toBe(201);
    expect(body.name).toBe('mine');
  });

  it('gives a version of a session as a Keras file', async () => {
    const original = await readKerasModel(fixture('mlp.k3.keras'));
    const { body: model } = await post(fixture('mlp.k3.keras'), '?format=keras');
    const sessions = models.replace(/models$/, 'sessions');
    const job = { modelId: model.modelId as string, hyperparams: { batchSize: 1 } };
    const { body: session } = await pool.json(sessions, { method: 'POST', body: job });
    const version = `${sessions}/${session.sessionId}/versions/0`;
    const answer = await pool.call(`${version}?format=h5`);
    expect(answer.headers.get('content-type')).toBe('application/x-hdf5');
    expect(answer.headers.get('content-disposition')).toContain(`${session.sessionId}-0.h5`);
    expect(bits(await readKerasModel(new Uint8Array(await answer.arrayBuffer())))).toEqual(bits(original));
    expect((await pool.json(version)).body.version).toBe(0);
    expect((await pool.json(`${version}?format=onnx`)).status).toBe(400);
  });

  it('gives a model that was never in Keras as a Keras file', async () => {
    const { body } = await pool.json(models, { method: 'POST', body: modelFrame() });
    const { bytes } = await download(body.modelId as string, 'keras');
    const model = await readKerasModel(bytes);
    expect(model.tensors.map(({ shape }) => shape)).toEqual(
      body.tensors.map(({ shape }: { shape: number[] }) => shape),
    );
  });

  it('refuses what can not be trained, naming the layer', async () => {
    const { status, body } = await post(fixture('subtract.k3.keras'), '?format=keras');
    expect(status).toBe(422);
    expect(body.error.code).toBe('model_unsupported');
    expect(body.error.message).toContain('Layer "minus" (Subtract)');
  });

  it('refuses what is no Keras file, another format, and too much', async () => {
    expect((await post(new Uint8Array(100), '?format=h5')).body.error.code).toBe('invalid_model');
    expect((await post(new Uint8Array(100), '?format=onnx')).body.error.code).toBe('invalid_request');
    const large = await post(new Uint8Array(MAX_KERAS_BYTES + 1), '?format=h5');
    expect(large.body.error).toMatchObject({ code: 'payload_too_large' });
    expect(large.body.error.message).toContain(String(MAX_KERAS_BYTES));
    const chunked = new Blob([new Uint8Array(MAX_KERAS_BYTES + 1)]).stream();
    const { body } = await pool.json(`${models}?format=h5`, { method: 'POST', body: chunked });
    expect(body.error.code).toBe('payload_too_large');
    // Small as a file, large when inflated.
    const inflated = await post(fixture('mcmahan_2nn.k3.keras'), '?format=keras');
    expect(inflated.body.error).toMatchObject({ code: 'invalid_model' });
  });
});
