import { afterEach, expect, test } from '@jest/globals';
import { denseModel } from '../../bench/lib/dense-model.js';
import type { SessionEvent } from '../../src/core/decision.js';
import type { ExploraSession } from '../../src/explora/index.js';
import { Library, type Trainer } from '../../src/library/index.js';
import { readText, tableAfter } from '../docs/markdown.js';
import { eventually } from '../helpers/eventually.js';
import { startPool, type TestPool } from '../helpers/pool.js';

const libraries: Library[] = [];
afterEach(async () => {
  await Promise.all(libraries.splice(0).map((library) => library.leave()));
});

/** Trains the model that it is given first, and none that came of it. */
function failingTrainer(): Trainer {
  let first: number | undefined;
  return {
    train: ({ global }) => {
      first ??= global[0];
      if (global[0] !== first) throw new Error('The disk is full.');
      return Promise.resolve({ delta: global.map(() => 0.5), numExamples: 3, metrics: {}, evaluation: null });
    },
  };
}

interface StateLine {
  readonly msg: string;
  readonly repoId: string;
  readonly sessionId: string;
  readonly round?: number;
  readonly attempt?: number;
  readonly from: string | null;
  readonly to: string;
  readonly reason: string | null;
  readonly inStateMs: number | null;
}

function stateLines(pool: TestPool, sessionId: string): StateLine[] {
  return pool.nodes
    .flatMap((node) => node.lines)
    .filter((line) => line.includes('state changed'))
    .map((line) => JSON.parse(line) as StateLine & { level: number })
    .filter((line) => line.sessionId === sessionId)
    .map((line) => {
      expect(line.level).toBe(30);
      return line;
    });
}

const inShort = ({ round, attempt, from, to }: StateLine): string =>
  `${round === undefined ? 'session' : `${round}.${attempt}`}: ${from ?? 'nothing'} to ${to}`;

/** The lines that the events of a session stand for. */
function expectedLines(events: readonly SessionEvent[]): string[] {
  const lines: string[] = [];
  let session = 'nothing';
  let round = { name: '', state: 'published' };
  const enter = (to: string): void => {
    lines.push(`session: ${session} to ${to}`);
    session = to;
  };
  const step = (to: string): void => {
    lines.push(`${round.name}: ${round.state} to ${to}`);
    round = { ...round, state: to };
  };
  const begin = (name: string): void => {
    round = { name, state: 'nothing' };
    step('selecting');
  };
  for (const event of events) {
    if (event.type === 'session.queued') enter('queued');
    else if (event.type === 'session.recruiting') {
      enter('recruiting');
      begin('1.1');
    } else if (event.type === 'round.selecting') begin(`${event.round}.${event.attempt}`);
    else if (event.type === 'round.opened') {
      if (session === 'recruiting') enter('running');
      step('collecting');
    } else if (event.type === 'round.closed') step('closing');
    else if (event.type === 'round.published') step('published');
    else if (event.type === 'round.abandoned') {
      step('abandoned');
      if (event.attempt < 2) begin(`${event.round}.${event.attempt + 1}`);
    } else if (event.type === 'session.failed' || event.type === 'session.cancelled') {
      if (round.state !== 'published' && round.state !== 'abandoned') step('abandoned');
      enter(event.type.slice('session.'.length));
    }
  }
  return lines;
}

async function eventsOf(session: ExploraSession): Promise<SessionEvent[]> {
  const events: SessionEvent[] = [];
  for await (const { event } of session.follow()) events.push(event);
  return events;
}

test('each change of state has one line, from one process, whoever makes it', async () => {
  const pool = await startPool({
    roles: { gateway: 2, coordinator: 2, aggregator: 1 },
    env: { LOG_LEVEL: 'info' },
  });
  const { repoId, apiKey, explora } = await pool.repo();
  const { modelId } = await explora.uploadModel(denseModel(5, 5));
  for (const libraryId of ['ada', 'ben']) {
    const url = pool.gateways.map((gateway) => gateway.url);
    const library = new Library({ url, apiKey, libraryId, trainer: failingTrainer() });
    const one = new Float32Array(3);
    library.addData('data', { inputs: one, inputShape: [1], labels: one, labelShape: [1] });
    libraries.push(library);
    await library.join();
  }
  const job = {
    modelId,
    hyperparams: { batchSize: 1 },
    selection: { type: 'all' as const, goal: 2 },
    continuation: { value: 1 },
    deadlines: { roundMs: 1_000, maxRoundRetries: 1 },
    evaluation: { on: 'none' as const },
    termination: { maxRounds: 3 },
  };
  const failed = await explora.submit(job);
  const cancelled = await explora.submit({ ...job, deadlines: { ...job.deadlines, roundMs: 60_000 } });
  await expect(failed.result()).rejects.toThrow(/Round 2 was tried 2 times/);
  // The second begins when the first has ended, and stands in its second round: nobody trains that.
  await eventually(async () => (await cancelled.get()).round?.number === 2, { withinMs: 10_000 });
  await eventually(async () => (await cancelled.get()).round?.state === 'collecting');
  await cancelled.cancel('Enough.');

  // Traces are off.
  const documented = tableAfter(readText('docs/operate.md'), 'state lines')
    .flatMap(([names = '']) => names.replaceAll('`', '').split(', '))
    .filter((name) => name !== 'traceId');
  for (const session of [failed, cancelled]) {
    const events = await eventsOf(session);
    const expected = expectedLines(events).sort();
    const lines = await eventually(() => {
      const written = stateLines(pool, session.sessionId);
      expect(written.map(inShort).sort()).toEqual(expected);
      return written;
    });
    for (const line of lines) {
      expect(line).toMatchObject({ repoId, sessionId: session.sessionId });
      const ofRounds = ['round', 'attempt', 'selected', 'needed', 'updates'];
      const fields = documented.filter((name) => line.round !== undefined || !ofRounds.includes(name));
      expect(Object.keys(line)).toEqual(expect.arrayContaining(fields));
      expect(Object.keys(line)).toHaveLength(fields.length + ['level', 'time', 'role', 'nodeId'].length);
      expect(line.inStateMs === null).toBe(line.from === null);
      if (line.inStateMs !== null) expect(line.inStateMs).toBeGreaterThanOrEqual(0);
      const isEnd = ['abandoned', 'failed', 'cancelled'].includes(line.to);
      expect(line.reason === null).toBe(!isEnd);
    }
  }
  const times = stateLines(pool, failed.sessionId).filter(
    ({ to, round }) => to === 'abandoned' && round === 2,
  );
  expect(times).toHaveLength(2);
  for (const { inStateMs } of times) expect(inStateMs).toBeGreaterThanOrEqual(1_000);
  const [end] = stateLines(pool, cancelled.sessionId).filter(({ to }) => to === 'cancelled');
  expect(end).toMatchObject({ from: 'running', reason: expect.stringContaining('Enough.') });
});
