import { beforeEach, describe, expect, it } from '@jest/globals';
import { eventually } from '../helpers/eventually.js';
import type { Json } from '../helpers/gateway.js';
import { startPool, type TestPool } from '../helpers/pool.js';
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
  const { sessions } = (await (await pool.fetch(`/v1/repos/${repo.repoId}/sessions`)).json());
  return (await (
    await pool.fetch(`/v1/repos/${repo.repoId}/sessions/${sessions[0].sessionId}`)
  ).json());
};

async function resultOf(view: Json): Promise<Float32Array> {
  return (await repo.explora.downloadModel(view.resultModelId as string)).weights;
}

const close = (a: Float32Array, b: number[]): void =>
  a.forEach((value, i) => expect(value).toBeCloseTo(b[i] ?? NaN, 5));

describe('2019', () => {
  it('runs a session of two old Libraries and an old Explora, with the mean of each round alone', async () => {
    const base = `${url}/legacy/${repo.apiKey}`;
    const libraries = await Promise.all([OldClient.connect(base), OldClient.connect(base)]);
    for (const library of libraries) library.send({ type: 'REGISTER', node_type: 'LIBRARY' });
    await eventually(async () => {
      const status = (await (await pool.fetch(`/v1/repos/${repo.repoId}`)).json());
      return status.librariesOnline === 2;
    });
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
    await eventually(async () => {
      const status = (await (await pool.fetch(`/v1/repos/${repo.repoId}`)).json());
      return status.librariesOnline === 2;
    });
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
