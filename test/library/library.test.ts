import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Library, type LibraryState, type RoundReport } from '../../src/library/index.js';
import type { Trainer, TrainRequest, TrainResult } from '../../src/library/index.js';
import { CloudNodeError } from '../../src/protocol/errors.js';
import { decodeShard } from '../../src/tensors/encoding.js';
import { eventually } from '../helpers/eventually.js';
import { FakePool, type FakeGateway } from './fake-pool.js';

/** Learns by adding 0.5 to everything; a test may hold it or break it. */
class FakeTrainer implements Trainer {
  readonly requests: TrainRequest[] = [];
  finished = 0;
  run: (request: TrainRequest) => Promise<void> | void = () => {};
  deltaOf = (global: Float32Array): Float32Array => global.map(() => 0.5);
  disposed = false;

  async train(request: TrainRequest): Promise<TrainResult> {
    this.requests.push(request);
    await this.run(request);
    this.finished += 1;
    const evaluation = request.evaluate ? { loss: 2 } : null;
    return { delta: this.deltaOf(request.global), numExamples: 3, metrics: { loss: 1 }, evaluation };
  }

  dispose(): void {
    this.disposed = true;
  }
}

const untilAborted = ({ signal }: TrainRequest): Promise<void> =>
  new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));

let pool: FakePool;
let trainer: FakeTrainer;
let gateways: FakeGateway[];
let rounds: RoundReport[];
let errors: Error[];
let states: LibraryState[];
let library: Library;

async function setUp(count = 1): Promise<void> {
  gateways = await Promise.all(Array.from({ length: count }, () => pool.gateway()));
  library = new Library({
    url: gateways.map(({ url }) => url),
    apiKey: 'key',
    libraryId: 'library',
    trainer,
    backoff: { baseMs: 20, maxMs: 200 },
    ackTimeoutMs: 2_000,
    onState: (state) => states.push(state),
  });
  library.addData('data', { inputs: [1, 2, 3], inputShape: [1], labels: [1, 2, 3], labelShape: [1] });
  library.on('round', (round) => rounds.push(round));
  library.on('error', (error) => errors.push(error));
}
const hint = (): void => gateways.forEach((gateway) => gateway.hint());
const counted = (count = 1) =>
  eventually(() => rounds.filter((r) => r.outcome === 'counted').length === count);

beforeEach(() => {
  pool = new FakePool();
  trainer = new FakeTrainer();
  rounds = [];
  errors = [];
  states = [];
});
afterEach(async () => {
  await library.leave();
});

describe('a round', () => {
  it('is accepted, trained and counted; small updates go over the socket', async () => {
    await setUp();
    await pool.offer({ evaluate: true });
    await library.join();
    await counted();
    expect(pool.puts).toHaveLength(1);
    const [put] = pool.puts;
    expect(put?.via).toBe('socket');
    expect(put?.header).toMatchObject({
      sessionId: 's-1',
      round: 1,
      attempt: 1,
      numExamples: 3,
      metrics: { loss: 1 },
      evaluation: { loss: 2 },
    });
    expect([...put!.delta]).toEqual(Array(10).fill(0.5));
    expect(trainer.requests[0]?.global).toEqual(pool.global);
    expect(trainer.requests[0]?.topology).toEqual(JSON.parse(pool.topology));
    expect(pool.said('assignment:accept')).toBe(1);
    expect(rounds).toEqual([
      {
        sessionId: 's-1',
        round: 1,
        attempt: 1,
        outcome: 'counted',
        duplicate: false,
        metrics: { loss: 1 },
        evaluation: { loss: 2 },
        sent: { bytes: put?.bytes, numExamples: 3, norm: Math.sqrt(10 * 0.5 ** 2) },
      },
    ]);
    expect(states).toEqual(['connecting', 'idle', 'training', 'sending', 'idle']);
    expect(errors).toEqual([]);
  });

  it.each(['f16', 'q8'] as const)('sends %s when the pool asks for it', async (encoding) => {
    await setUp();
    await pool.offer({ encoding });
    trainer.deltaOf = (global) => global.map((_, i) => (i % 4) / 127);
    await library.join();
    await counted();
    const [put] = pool.puts;
    expect(put?.header.encoding).toBe(encoding);
    expect(put?.delta).toHaveLength(10);
    put?.delta.forEach((value, i) => expect(Math.abs(value - (i % 4) / 127)).toBeLessThan(2e-4 + 0.03));
    expect(put?.delta[0]).toBe(0);
  });

  it('starts from f16 when the pool offers it, and the delta is what was learned from there', async () => {
    pool.global = pool.global.map((value) => value + 0.1);
    await setUp();
    await pool.offer({ download: await pool.download() });
    await library.join();
    await counted();
    const got = trainer.requests[0]?.global;
    expect(got).toEqual(decodeShard(pool.halves(), 'f16'));
    expect(got).not.toEqual(pool.global);
    expect([...pool.puts[0]!.delta]).toEqual(Array(10).fill(0.5));
    pool.tamper = true;
    await pool.offer({
      round: 2,
      parameters: { ...pool.assignment!.parameters, sha256: 'e'.repeat(64) },
      download: await pool.download(),
    });
    hint();
    await eventually(() => errors.some(({ message }) => message.includes('has the SHA-256')));
  });

  it('is begun at a hint, or without one at the next poll; the topology is fetched once', async () => {
    await setUp();
    pool.pollMs = 100;
    await library.join();
    await pool.offer();
    hint();
    await counted();
    await pool.offer({ round: 2 });
    await counted(2);
    expect(pool.calls.filter((call) => call.includes('/topologies/'))).toHaveLength(1);
    expect(pool.calls.filter((call) => call.includes('/weights'))).toHaveLength(2);
  });

  it('sends large updates by HTTP', async () => {
    pool.global = Float32Array.from({ length: 100_000 }, (_, i) => i);
    pool.shardParams = 30_000;
    await setUp();
    await pool.offer();
    await library.join();
    await counted();
    expect(pool.puts.map(({ via }) => via)).toEqual(['http']);
    expect(pool.puts[0]?.delta).toHaveLength(100_000);
  });

  it('clips to clipNorm', async () => {
    await setUp();
    trainer.deltaOf = (global) => global.map(() => 10);
    await pool.offer({ clipNorm: 1 });
    await library.join();
    await counted();
    const norm = Math.hypot(...pool.puts[0]!.delta);
    expect(norm).toBeLessThanOrEqual(1);
    expect(norm).toBeGreaterThan(0.999);
  });

  it('gives way to a newer assignment', async () => {
    await setUp();
    trainer.run = (request) => (trainer.requests.length === 1 ? untilAborted(request) : undefined);
    await pool.offer();
    await library.join();
    await eventually(() => trainer.requests.length === 1);
    await pool.offer({ round: 2 });
    hint();
    await counted();
    expect(rounds.map(({ round, outcome }) => [round, outcome])).toEqual([
      [1, 'superseded'],
      [2, 'counted'],
    ]);
    expect(errors).toEqual([]);
  });

  it('ends by itself when its time is over and nobody says so', async () => {
    await setUp();
    trainer.run = untilAborted;
    await pool.offer({ remainingMs: -4_900 });
    await library.join();
    await eventually(() => rounds[0]?.outcome === 'superseded');
  });
});

describe('sending', () => {
  it.each(['lost before', 'lost after'] as const)(
    'repeats the same update when it was %s the commit',
    async (mishap) => {
      await setUp(2);
      pool.mishaps.push(mishap, mishap);
      // Nobody tells it that the update was received: it must find out by itself.
      pool.mute = true;
      await pool.offer();
      await library.join();
      await counted();
      expect(pool.puts.length).toBeGreaterThanOrEqual(3);
      expect(new Set(pool.puts.map(({ header }) => header.updateId)).size).toBe(1);
      expect(pool.counted.size).toBe(1);
      expect(rounds[0]?.duplicate).toBe(mishap === 'lost after');
      expect(trainer.finished).toBe(1);
    },
  );

  it('waits as long as the pool asks', async () => {
    await setUp();
    pool.mishaps.push('storage_full', 'redis_unavailable');
    await pool.offer();
    const startMs = performance.now();
    await library.join();
    await counted();
    expect(performance.now() - startMs).toBeGreaterThan(50);
    expect(new Set(pool.puts.map(({ header }) => header.updateId)).size).toBe(1);
  });

  it('learns from the assignment that an update was received', async () => {
    await setUp();
    pool.mishaps.push('redis_unavailable');
    const put = pool.put.bind(pool);
    pool.put = (frame, via) => {
      const answer = put(frame, via);
      if (pool.puts.length > 1)
        throw new CloudNodeError('redis_unavailable', 'busy', { retryAfterMs: 60_000 });
      return answer;
    };
    await pool.offer();
    await library.join();
    await eventually(() => pool.puts.length === 2);
    pool.assignment = { ...pool.assignment!, state: 'received' };
    hint();
    await counted();
  });

  it('sends again what the pool acknowledged and then forgot', async () => {
    await setUp();
    await pool.offer();
    await library.join();
    await counted();
    pool.counted.clear();
    pool.assignment = { ...pool.assignment!, state: 'accepted' };
    hint();
    await eventually(() => pool.counted.size === 1);
    expect(new Set(pool.puts.map(({ header }) => header.updateId)).size).toBe(1);
    expect(trainer.finished).toBe(1);
  });

  it('uses what was learned again when the round is tried again', async () => {
    await setUp();
    await pool.offer();
    await library.join();
    await counted();
    await pool.offer({ attempt: 2 });
    hint();
    await counted(2);
    expect(trainer.finished).toBe(1);
    expect(pool.puts.map(({ header }) => header.attempt)).toEqual([1, 2]);
    expect(pool.counted.size).toBe(2);
  });

  it('uses what was learned again when it lost its assignment and is offered the same one again', async () => {
    await setUp();
    pool.mishaps.push('assignment_over');
    await pool.offer();
    await library.join();
    await eventually(() => rounds[0]?.outcome === 'superseded');
    pool.assignment = { ...pool.assignment!, state: 'offered' };
    hint();
    await counted();
    expect(trainer.finished).toBe(1);
    expect(new Set(pool.puts.map(({ header }) => header.updateId)).size).toBe(2);
    expect(pool.counted.size).toBe(1);
  });

  it('drops what is refused for good, says so, and goes on', async () => {
    await setUp();
    pool.mishaps.push('update_norm_exceeded');
    await pool.offer();
    await library.join();
    await eventually(() => rounds.length === 1);
    expect(rounds[0]?.outcome).toBe('failed');
    expect(errors.map((error) => (error as CloudNodeError).code)).toEqual(['update_norm_exceeded']);
    expect(pool.said('assignment:fail')).toBe(1);
    await pool.offer({ round: 2 });
    hint();
    await counted();
  });

  it('takes a closed round for no error', async () => {
    await setUp();
    pool.mishaps.push('round_closed');
    await pool.offer();
    await library.join();
    await eventually(() => rounds[0]?.outcome === 'superseded');
    expect(errors).toEqual([]);
    expect(pool.said('assignment:fail')).toBe(0);
  });
});

describe('what cannot be done', () => {
  it('without the data set: declines', async () => {
    await setUp();
    await pool.offer({ datasetId: 'other' });
    await library.join();
    await eventually(() => rounds[0]?.outcome === 'declined');
    expect(pool.reasons).toEqual(['There is no data set "other" here.']);
    expect(trainer.requests).toHaveLength(0);
  });

  it.each([
    ['training breaks', () => (trainer.run = () => Promise.reject(new Error('no memory'))), /no memory/],
    ['training diverges', () => (trainer.deltaOf = (global) => global.map(() => Number.NaN)), /diverged/],
    ['the model is not the one that was named', () => (pool.tamper = true), /Shard 1 has the SHA-256/],
  ])('%s: fails with the reason and goes on', async (_, prepare, reason) => {
    await setUp();
    prepare();
    await pool.offer();
    await library.join();
    await eventually(() => rounds[0]?.outcome === 'failed');
    expect(pool.reasons[0]).toMatch(reason);
    expect(errors[0]?.message).toMatch(reason);
    expect(pool.puts).toHaveLength(0);
    trainer.run = () => {};
    trainer.deltaOf = (global) => global;
    pool.tamper = false;
    await pool.offer({ round: 2 });
    hint();
    await counted();
  });

  it('a listener that throws stops nothing', async () => {
    await setUp();
    library.on('state', () => {
      throw new Error('mistake in a page');
    });
    await pool.offer();
    await library.join();
    await counted();
    expect(errors[0]?.message).toBe('mistake in a page');
  });
});

describe('connection', () => {
  it('moves to another gateway when one dies, and joins again', async () => {
    await setUp(2);
    await library.join();
    const first = gateways.find(({ clients }) => clients === 1)!;
    const other = gateways.find((gateway) => gateway !== first)!;
    await first.stop();
    await eventually(() => other.clients === 1 && pool.said('library:join') === 2);
    await pool.offer();
    other.hint();
    await counted();
  });

  it('keeps training while it reconnects', async () => {
    await setUp(2);
    let release = (): void => {};
    trainer.run = () => new Promise((resolve) => (release = resolve));
    await pool.offer();
    await library.join();
    await eventually(() => trainer.requests.length === 1);
    await gateways.find(({ clients }) => clients === 1)!.stop();
    await eventually(() => pool.said('library:join') === 2);
    release();
    await counted();
    expect(trainer.requests).toHaveLength(1);
  });

  it('waits for a pool that is not there yet', async () => {
    await setUp();
    await gateways[0]!.stop();
    const joined = library.join();
    await sleep(100);
    expect(library.state).toBe('connecting');
    await library.leave();
    await expect(joined).rejects.toThrow(/left before/);
    expect(library.state).toBe('stopped');
  });

  it('leaves a draining gateway within the time it gives', async () => {
    await setUp(2);
    await library.join();
    const first = gateways.find(({ clients }) => clients === 1)!;
    first.drain(200);
    await eventually(() => first.clients === 0 && gateways.some(({ clients }) => clients === 1), {
      withinMs: 1_000,
    });
    await eventually(() => library.state === 'idle');
  });

  it('stops for good when it is refused for good', async () => {
    await setUp();
    pool.refusal = new CloudNodeError('unauthenticated', 'The key was revoked.');
    await expect(library.join()).rejects.toMatchObject({ code: 'unauthenticated' });
    expect(errors.map(({ message }) => message)).toEqual(['The key was revoked.']);
    await sleep(150);
    expect(pool.said('connect')).toBe(1);
    expect(library.state).toBe('stopped');
  });

  it('tries again when it is refused for now', async () => {
    await setUp();
    pool.refusal = new CloudNodeError('rate_limited', 'Too many at once.', { retryAfterMs: 30 });
    const joined = library.join();
    await eventually(() => pool.said('connect') >= 2);
    pool.refusal = null;
    await joined;
    expect(errors).toEqual([]);
  });

  it('announces data that is added later', async () => {
    await setUp();
    await library.join();
    library.addData('more', { rows: [[1, 2]] });
    await eventually(() => pool.said('library:join') === 2);
  });

  it('gives the assignment back when it leaves, and disposes the trainer', async () => {
    await setUp();
    trainer.run = untilAborted;
    await pool.offer();
    await library.join();
    await eventually(() => trainer.requests.length === 1);
    await library.leave();
    expect(pool.reasons).toEqual(['The Library is leaving.']);
    expect(trainer.disposed).toBe(true);
    await eventually(() => gateways[0]?.clients === 0);
  });

  it('wants data before it joins', async () => {
    library = new Library({ url: 'http://127.0.0.1:1', apiKey: 'key', libraryId: 'library', trainer });
    await expect(library.join()).rejects.toThrow(/addData/);
  });
});
