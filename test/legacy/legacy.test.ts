import { beforeEach, describe, expect, it } from '@jest/globals';
import { SignJWT } from 'jose';
import { eventually } from '../helpers/eventually.js';
import type { Json } from '../helpers/gateway.js';
import { POOL_SECRET, startPool, type TestPool } from '../helpers/pool.js';
import { fixture } from '../keras/fixtures.js';
import { loadOldModel, OldClient, type OldModel } from './old-client.js';

/** A compiled Keras 2 model with 21 parameters or so, as Explora sent it. */
const H5 = Buffer.from(fixture('compiled_momentum.k2.h5')).toString('base64');

let pool: TestPool;
let repo: Awaited<ReturnType<TestPool['repo']>>;
let url: string;
let token: string;

beforeEach(async () => {
  pool = await startPool({ env: { LEGACY: 'true', LEGACY_OPEN_REPOS: 'wide-open' } });
  repo = await pool.repo();
  url = pool.gateways[0]?.url ?? '';
  token = await pool.token('explora', [repo.repoId]);
});

const newSession = (repoId: string, rounds = 2): object => ({
  type: 'NEW_SESSION',
  repo_id: repoId,
  h5_model: H5,
  hyperparams: { batch_size: 128, epochs: 10, shuffle: true, label_index: 0 },
  selection_criteria: { type: 'ALL_NODES' },
  continuation_criteria: { type: 'PERCENTAGE_AVERAGED', value: 1 },
  termination_criteria: { type: 'MAX_ROUND', value: rounds },
});

/** What a Library of 2019 answers to TRAIN when training adds `step` to all weights. */
function newWeights(train: Json, model: OldModel, step: number, omega: number): object {
  const weights = [...model.weights].map((value) => value + step);
  return {
    session_id: train.session_id,
    action: 'TRAIN',
    results: { weights, omega },
    type: 'NEW_WEIGHTS',
    round: train.round,
  };
}

const sessionOf = async (): Promise<Json> => {
  const { sessions } = await (await pool.fetch(`/v1/repos/${repo.repoId}/sessions`)).json();
  return await (await pool.fetch(`/v1/repos/${repo.repoId}/sessions/${sessions[0].sessionId}`)).json();
};

/** Who did what, by the Repo's audit trail. */
async function trail(): Promise<string[]> {
  const lines = (await (await pool.fetch(`/v1/repos/${repo.repoId}/audit`)).text()).trim().split('\n');
  return lines.map((line) => {
    const { action, actor, address, result } = JSON.parse(line);
    expect(address === null).toBe(actor.kind === 'pool');
    return `${action} ${actor.kind} ${actor.role ?? ''} ${result}`;
  });
}

async function resultOf(view: Json): Promise<Float32Array> {
  return (await repo.explora.downloadModel(view.resultModelId as string)).weights;
}

const close = (a: Float32Array, b: number[]): void =>
  a.forEach((value, i) => expect(value).toBeCloseTo(b[i] ?? NaN, 5));

const online = (count: number, repoId = repo.repoId): Promise<boolean> =>
  eventually(async () => {
    const status = await (await pool.fetch(`/v1/repos/${repoId}`)).json();
    return status.librariesOnline === count;
  });

describe('2019', () => {
  it('runs a session of two old Libraries and an old Explora, with the mean of each round alone', async () => {
    const base = `${url}/legacy/${repo.apiKey}`;
    const libraries = await Promise.all([OldClient.connect(base), OldClient.connect(base)]);
    for (const library of libraries) library.send({ type: 'REGISTER', node_type: 'LIBRARY' });
    await online(2);
    const explora = await OldClient.connect(`${url}/legacy/${token}`);
    // Both at once, as it did.
    explora.send({ type: 'REGISTER', node_type: 'dashboard' });
    explora.send(newSession(repo.repoId));

    let expected: number[] = [];
    for (const round of [1, 2]) {
      const trains = await Promise.all(libraries.map((library) => library.next()));
      for (const train of trains) {
        expect(train).toEqual({
          session_id: expect.any(String),
          repo_id: repo.repoId,
          round,
          action: 'TRAIN',
          hyperparams: { batch_size: 128, epochs: 10, shuffle: true, label_index: 0 },
        });
      }
      const model = await loadOldModel(`${base}/model/model.json`);
      if (round === 1) {
        expected = [...model.weights];
        expect(model.topology.training_config).toMatchObject({
          optimizer_config: { class_name: 'SGD', config: { momentum: 0.9 } },
        });
        const { config } = model.topology.training_config.optimizer_config;
        expect(config.lr).toBe(config.learning_rate);
      }
      close(model.weights, expected);
      // Of 100 and 300 examples: 1 and 5 make 4.
      libraries[0]?.send(newWeights(trains[0], model, 1, 100));
      libraries[1]?.send(newWeights(trains[1], model, 5, 300));
      for (const library of libraries) expect(await library.next()).toEqual({ error: false, message: 'ack' });
      expected = expected.map((value) => value + 4);
      expect(await explora.next()).toMatchObject({ action: 'NEW_MODEL', repo_id: repo.repoId });
    }
    await eventually(async () => (await sessionOf()).state === 'completed', { withinMs: 10_000 });
    const view = await sessionOf();
    expect(view.history.map((round: Json) => [round.updates, round.totalExamples])).toEqual([
      [2, 400],
      [2, 400],
    ]);
    close(await resultOf(view), expected);
    // 2019 knows no other message; some would train again.
    expect([...libraries, explora].every((client) => client.isQuiet)).toBe(true);
    expect(await (await fetch(`${base}/status`)).json()).toEqual({ Busy: false });
  });

  it('refuses what does not fit, counts one update each, and goes on without a Library that leaves', async () => {
    const base = `${url}/legacy/${repo.apiKey}`;
    const [stays, leaves] = await Promise.all([OldClient.connect(base), OldClient.connect(base)]);
    stays.send({ type: 'NEW_WEIGHTS', session_id: 's', round: 1, results: { weights: [], omega: 1 } });
    expect(await stays.next()).toMatchObject({ error: true, message: 'This client is not registered!' });
    for (const library of [stays, leaves]) library.send({ type: 'REGISTER', node_type: 'library' });
    stays.send({ type: 'REGISTER', node_type: 'library' });
    expect(await stays.next()).toMatchObject({ error: true, message: 'Client already exists!' });
    await online(2);
    const explora = await OldClient.connect(`${url}/legacy/${token}`);
    explora.send({ type: 'REGISTER', node_type: 'dashboard' });
    explora.send(newSession(repo.repoId, 1));
    const train = await stays.next();
    await leaves.next();
    explora.send(newSession(repo.repoId, 1));
    expect(await explora.next()).toMatchObject({ message: 'Server is already busy working.' });

    const model = await loadOldModel(`${base}/model/model.json`);
    const good = newWeights(train, model, 1, 10) as Json;
    const say = async (message: object): Promise<string> => {
      stays.send(message);
      return ((await stays.next()) as { message: string }).message;
    };
    expect(await say({ ...good, session_id: 'other' })).toBe(
      "The session id in the message doesn't match the service's.",
    );
    expect(await say({ ...good, round: 2 })).toBe(
      "The round in the message doesn't match the current round.",
    );
    expect(await say({ ...good, results: { weights: [1, 2], omega: 1 } })).toMatch(
      /^Error deserializing.* 2 weights/,
    );
    expect(await say({ ...good, results: { ...good.results, omega: 0 } })).toMatch(
      /^Error deserializing.*omega/,
    );
    expect(await say({ type: 'NEW_SESSION' })).toMatch(/^Error deserializing/);
    expect(await say({ type: 'DANCE' })).toBe('Unknown message type!');
    stays.socket.send('{');
    expect(await stays.next()).toMatchObject({ type: 'DESERIALIZATION', error: true });
    expect(await say(good)).toBe('ack');
    expect(await say(good)).toBe("The round in the message doesn't match the current round.");
    leaves.socket.terminate();
    // Long before the end of its lease.
    await eventually(async () => (await sessionOf()).state === 'completed', { withinMs: 20_000 });
    expect((await sessionOf()).history[0]).toMatchObject({ updates: 1, totalExamples: 10 });
  }, 60_000);
});

describe('2020', () => {
  const register = (node_type: string, api_key: string): object => ({
    type: 'REGISTER',
    node_type,
    repo_id: repo.repoId,
    api_key,
  });
  const success = { action: 'REGISTRATION_SUCCESS', error: false };

  /** The model of a Library that subtracts what it is sent, as the datacenter did. */
  function subtract(model: number[], gradients: Json): number[] {
    const step = (gradients as unknown[]).flat(Infinity) as number[];
    expect(step).toHaveLength(model.length);
    return model.map((value, i) => value - (step[i] ?? NaN));
  }

  it('runs a session with gradients, a Library that comes late, one without the data, and a posted model', async () => {
    const library = await OldClient.connect(url);
    library.send(register('LIBRARY', repo.apiKey));
    const lacking = await OldClient.connect(url);
    lacking.send(register('LIBRARY', repo.apiKey));
    const explora = await OldClient.connect(url);
    explora.send(register('DASHBOARD', token));
    for (const client of [library, lacking, explora]) expect(await client.next()).toEqual(success);

    const start = {
      ...newSession(repo.repoId, 3),
      h5_model: undefined,
      session_id: 'chosen-by-explora',
      dataset_id: 'mnist-sample',
      library_type: 'PYTHON',
      checkpoint_frequency: 1,
      ios_config: {},
    };
    explora.send(start);
    expect(await explora.next()).toMatchObject({ type: 'MODEL_ERROR', error: true });
    const keras = `${url}/keras/chosen-by-explora`;
    const posting = { method: 'POST', body: fixture('compiled_momentum.k2.h5') as BodyInit };
    expect((await fetch(keras, posting)).status).toBe(401);
    const authorization = `Bearer ${token}`;
    expect((await fetch(keras, { ...posting, headers: { authorization } })).status).toBe(200);
    explora.send(start);

    const train = await library.next();
    expect(train).toMatchObject({ action: 'TRAIN', round: 1, dataset_id: 'mnist-sample', error: false });
    expect(train).not.toHaveProperty('gradients');
    const other = await lacking.next();
    lacking.send({
      type: 'NO_DATASET',
      round: 1,
      repo_id: 'r',
      dataset_id: 'd',
      session_id: other.session_id,
    });

    // Else its seat in the next round would be offered to whoever comes late.
    lacking.socket.terminate();
    await online(1);

    // What it was told as the session is all that it needs to download.
    const h5 = await fetch(`${url}/keras/${train.session_id}`);
    expect(
      Buffer.from(await h5.arrayBuffer())
        .subarray(1, 4)
        .toString(),
    ).toBe('HDF');
    const model = await loadOldModel(`${url}/model/${train.session_id}/model.json`);
    let own = [...model.weights];
    const gradients = (step: number): unknown => model.shapes.map((shape) => nested(shape, step));
    const update = (of: Json, step: number): object => ({
      type: 'NEW_UPDATE',
      repo_id: repo.repoId,
      session_id: of.session_id,
      round: of.round,
      dataset_id: 'mnist-sample',
      // As old phones send it.
      results: JSON.stringify({ gradients: gradients(step), omega: 50 }),
    });
    library.send(update(train, 0.5));
    const second = await library.next();
    expect(second).toMatchObject({ action: 'TRAIN', round: 2, session_id: train.session_id });
    own = subtract(own, second.gradients);
    own.forEach((value, i) => expect(value).toBeCloseTo((model.weights[i] ?? NaN) - 0.5, 5));

    // It came when two rounds were due, and begins at its own first one.
    const late = await OldClient.connect(url);
    late.send(register('LIBRARY', repo.apiKey));
    expect(await late.next()).toEqual(success);
    await online(2);
    library.send(update(second, 0.25));
    const [third, first] = await Promise.all([library.next(), late.next()]);
    expect(third).toMatchObject({ action: 'TRAIN', round: 3 });
    expect(first).toMatchObject({ action: 'TRAIN', round: 1 });
    own = subtract(own, third.gradients);
    close(Float32Array.from(own), [
      ...(await loadOldModel(`${url}/model/${first.session_id}/model.json`)).weights,
    ]);
    library.send(update(third, 0));
    late.send(update(first, 0));

    const stop = { action: 'STOP', repo_id: repo.repoId, dataset_id: 'mnist-sample', error: false };
    expect(await explora.next()).toEqual({ ...stop, session_id: 'chosen-by-explora' });
    expect(await library.next()).toEqual({ ...stop, session_id: train.session_id });
    expect(await late.next()).toEqual({ ...stop, session_id: first.session_id });
    const view = await sessionOf();
    expect(view).toMatchObject({ state: 'completed', version: 3 });
    close(await resultOf(view), own);
    // The result by the name that Explora chose.
    expect((await fetch(keras, { headers: { authorization } })).headers.get('content-type')).toBe(
      'application/x-hdf5',
    );
  }, 60_000);

  it('lets in nobody without a key or token of the Repo, but where the Repo is open', async () => {
    const refusal = { type: 'AUTHENTICATION', error: true, error_message: 'API key provided is invalid!' };
    const stranger = await pool.repo();
    for (const message of [
      register('LIBRARY', `${repo.apiKey.slice(0, -1)}${repo.apiKey.endsWith('A') ? 'B' : 'A'}`),
      register('LIBRARY', stranger.apiKey),
      register('LIBRARY', token),
      register('DASHBOARD', repo.apiKey),
      register('DASHBOARD', await pool.token('explora', [stranger.repoId])),
      register('DASHBOARD', await pool.token('dashboard', [repo.repoId])),
      { type: 'REGISTER', node_type: 'LIBRARY' },
    ]) {
      const client = await OldClient.connect(url);
      client.send(message);
      expect(await client.next()).toMatchObject(refusal);
      expect(await client.closed).toBe(1008);
    }
    for (const path of [
      '/status',
      '/model/model.json',
      '/secret/get_state',
      '/secret/reset_state',
      '/model.h5',
    ]) {
      expect([path, (await fetch(`${url}${path}`)).status]).toEqual([path, 401]);
    }
    await eventually(async () => {
      const refused = (await trail()).filter((entry) => entry.startsWith('request.refused'));
      // Of another kind of key, of a token of this Repo in another role, and of nobody.
      for (const who of ['key ', 'token explora', 'token dashboard', 'nobody '])
        expect(refused).toContain(`request.refused ${who} unauthenticated`);
    });
    // An id that was not made here proves nothing.
    const forged = `${repo.repoId}~s-0000000000000000~000000000000~AAAAAAAAAAAAAAAAAAAAAA`;
    expect((await fetch(`${url}/model/${forged}/model.json`)).status).toBe(401);

    await pool.repo('wide-open');
    // The first label of the host was the Repo in 2019.
    const anybody = await OldClient.connect(url, { host: 'wide-open.pool.example:80' });
    anybody.send({ type: 'REGISTER', node_type: 'LIBRARY' });
    await online(1, 'wide-open');
    expect((await fetch(`${url}/get_state/wide-open`)).status).toBe(401);
  });

  it('ends the connection of a key or token that is revoked, and a session that is reset, and notes who did what', async () => {
    const library = await OldClient.connect(url);
    library.send(register('LIBRARY', repo.apiKey));
    const explora = await OldClient.connect(url);
    const mine = new SignJWT({ role: 'explora', repos: [repo.repoId] }).setSubject('ada').setJti('mine');
    const signing = mine.setProtectedHeader({ alg: 'HS256' }).setIssuedAt().setExpirationTime('1h');
    explora.send(register('DASHBOARD', await signing.sign(new TextEncoder().encode(POOL_SECRET))));
    for (const client of [library, explora]) expect(await client.next()).toEqual(success);
    explora.send({ ...newSession(repo.repoId, 5), session_id: 'mine', library_type: 'JAVASCRIPT' });
    await library.next();
    const state = await fetch(`${url}/legacy/${token}/get_state/${repo.repoId}`);
    expect(await state.json()).toMatchObject({ busy: true, current_round: 1 });
    expect(
      await (
        await fetch(`${url}/reset_state/${repo.repoId}`, { headers: { authorization: `JWT ${token}` } })
      ).text(),
    ).toBe('State reset successfully!');
    expect(await explora.next()).toMatchObject({ action: 'STOP', session_id: 'mine' });
    expect(await library.next()).toMatchObject({ action: 'STOP' });
    const { keys } = await (await pool.fetch(`/v1/repos/${repo.repoId}/keys`)).json();
    await pool.fetch(`/v1/repos/${repo.repoId}/keys/${keys[0].keyId}`, { method: 'DELETE' });
    expect(await library.closed).toBe(1008);
    await pool.fetch('/v1/revocations', { method: 'POST', body: JSON.stringify({ jti: 'mine' }) });
    expect(await explora.closed).toBe(1008);
    expect((await trail()).filter((entry) => !entry.startsWith('session.'))).toEqual([
      'repo.created token admin ok',
      'key.created token admin ok',
      'library.joined key  ok',
      'model.uploaded token explora ok',
      'job.submitted token explora ok',
      'key.revoked token admin ok',
      'audit.exported token admin ok',
    ]);
    expect(await trail()).toContain('session.cancelled token explora ok');
  });

  it('takes little of whoever has not registered, and all that comes at once with REGISTER', async () => {
    const stranger = await OldClient.connect(url);
    stranger.socket.send('x'.repeat(2 ** 20));
    expect(await stranger.closed).toBe(1008);
    const explora = await OldClient.connect(url);
    explora.send(register('DASHBOARD', token));
    explora.send({ ...newSession(repo.repoId, 1), padding: 'x'.repeat(2 ** 21) });
    expect(await explora.next()).toEqual(success);
    await eventually(async () => (await trail()).includes('job.submitted token explora ok'));
  });
});

function nested(shape: readonly number[], value: number): unknown {
  const [length = 0, ...inner] = shape;
  return Array.from({ length }, () => (inner.length === 0 ? value : nested(inner, value)));
}
