import { afterEach, describe, expect, it } from '@jest/globals';
import { openMlflow } from '../../src/cli/tracking/mlflow.js';
import { pointKey, pointsOf } from '../../src/cli/tracking/points.js';
import { Recording } from '../../src/cli/tracking/recording.js';
import type { Tracker } from '../../src/cli/tracking/tracker.js';
import type { SessionView } from '../../src/protocol/http.js';
import { eventually } from '../helpers/eventually.js';
import { startFakeMlflow, type FakeMlflow } from '../helpers/mlflow.js';
import { uniqueId } from '../helpers/namespace.js';
import { sessionView } from '../helpers/session-view.js';

/** An MLflow to compare the one of the tests with: `mlflow server`, then MLFLOW_TEST_URL=http://127.0.0.1:5000. */
const REAL_URL = process.env['MLFLOW_TEST_URL'];
const onlyHere = REAL_URL === undefined ? it : it.skip;

const open: FakeMlflow[] = [];
afterEach(async () => {
  for (const server of open.splice(0)) await server.close();
});

async function fake(password?: string): Promise<FakeMlflow> {
  const server = await startFakeMlflow(password);
  open.push(server);
  return server;
}

interface RunView {
  readonly info: { run_id: string; run_name: string; status: string; start_time: number; end_time?: number };
  readonly data: Record<'tags' | 'params', { key: string; value: string }[]> & {
    metrics: { key: string; value: number; step: number }[];
  };
}

/** What the server has, asked for over its API. */
class Reader {
  readonly url: string;
  readonly tracker: Tracker;

  constructor(url: string, tracker: Tracker) {
    this.url = url;
    this.tracker = tracker;
  }

  async #get(path: string): Promise<unknown> {
    return (await fetch(`${this.url}/api/2.0/mlflow/${path}`)).json();
  }

  get runId(): string {
    return /runs\/(\w+)$/.exec(this.tracker.label)?.[1] ?? '';
  }

  async run(): Promise<RunView> {
    return ((await this.#get(`runs/get?run_id=${this.runId}`)) as { run: RunView }).run;
  }

  /** Names and steps of all metrics, sorted; one that was logged twice is there twice. */
  async points(): Promise<string[]> {
    const keys: string[] = [];
    for (const { key } of (await this.run()).data.metrics) {
      let page = '';
      do {
        const path = `metrics/get-history?run_id=${this.runId}&metric_key=${key}${page}`;
        const answer = (await this.#get(path)) as { metrics: { step: number }[]; next_page_token?: string };
        keys.push(...answer.metrics.map(({ step }) => pointKey({ name: key, step: Number(step) })));
        page = answer.next_page_token ? `&page_token=${answer.next_page_token}` : '';
      } while (page !== '');
    }
    return keys.sort();
  }
}

async function openRun(url: string, view: SessionView, experiment?: string): Promise<Reader> {
  return new Reader(url, await openMlflow({ uri: url, experiment, env: {} }, view));
}

const keysOf = (view: SessionView): string[] => pointsOf(view).map(pointKey).sort();

describe('the run of a session at MLflow', () => {
  it('has the job, each point once, and how the session ended; it is found again', async () => {
    const url = REAL_URL ?? (await fake()).url;
    const sessionId = uniqueId('s');
    const experiment = uniqueId('e');
    const first = await openRun(url, sessionView(sessionId, 2), experiment);
    await first.tracker.write(pointsOf(sessionView(sessionId, 2)));
    expect(await first.points()).toEqual(keysOf(sessionView(sessionId, 2)));
    expect((await first.run()).info).toMatchObject({ run_name: 'mnist', status: 'RUNNING' });

    const completed = sessionView(sessionId, 5, {
      state: 'completed',
      endedMs: 1_767_225_700_000,
      resultModelId: 'm-2',
    });
    const again = await openRun(url, completed, experiment);
    expect(again.runId).toBe(first.runId);
    await again.tracker.write(pointsOf(completed));
    await again.tracker.write(pointsOf(completed));
    await again.tracker.end(completed);
    expect(await again.points()).toEqual(keysOf(completed));

    const { info, data } = await again.run();
    expect({ ...info, end_time: Number(info.end_time) }).toMatchObject({
      status: 'FINISHED',
      end_time: 1_767_225_700_000,
    });
    const params = new Map(data.params.map(({ key, value }) => [key, value]));
    expect(params.get('hyperparams.batchSize')).toBe('10');
    expect(params.get('hyperparams.optimizer.learningRate')).toBe('0.00001');
    expect(params.get('strategy.type')).toBe('fedavg');
    expect(params.get('paramCount')).toBe('1000');
    const tags = Object.fromEntries(data.tags.map(({ key, value }) => [key, value]));
    expect(tags).toMatchObject({
      'cloud_node.session_id': sessionId,
      'cloud_node.repo_id': 'clinics',
      'cloud_node.state': 'completed',
      'cloud_node.version': '5',
      'cloud_node.model_id': 'm-2',
      'cloud_node.model_sha256': '5'.repeat(64),
    });
    const loss = data.metrics.find(({ key }) => key === 'train/loss');
    expect([loss?.value, Number(loss?.step)]).toEqual([0.2, 5]);
  });

  it('keeps sessions apart, and a failed one from one that was cancelled', async () => {
    const url = REAL_URL ?? (await fake()).url;
    const experiment = uniqueId('e');
    const endings = [
      ['failed', 'FAILED'],
      ['cancelled', 'KILLED'],
    ] as const;
    const runs = await Promise.all(
      endings.map(async ([state, status]) => {
        const view = sessionView(uniqueId('s'), 1, { state, reason: 'because', endedMs: 1_767_225_700_000 });
        // Both make the experiment at once.
        const run = await openRun(url, view, experiment);
        await run.tracker.end(view);
        expect((await run.run()).info.status).toBe(status);
        return run.runId;
      }),
    );
    expect(new Set(runs).size).toBe(2);
  });

  it('takes more than one request holds', async () => {
    const url = REAL_URL ?? (await fake()).url;
    const view = sessionView(uniqueId('s'), 150);
    const run = await openRun(url, view, uniqueId('e'));
    await run.tracker.write(pointsOf(view));
    expect(await run.points()).toEqual(keysOf(view));
  });

  onlyHere('is completed after a time in which MLflow could not store', async () => {
    const server = await fake();
    const view = sessionView('s-1', 1);
    const run = await openRun(server.url, view);
    const troubles: string[] = [];
    const recording = await Recording.begin(run.tracker, view, ({ message }) => troubles.push(message));
    const publish = (round: number): void => {
      const summary = sessionView('s-1', round).history.at(-1);
      if (summary === undefined) throw new Error('no round');
      recording.see({ id: `${round}-0`, atMs: 0, event: { type: 'round.published', round, summary } });
    };
    server.broken = true;
    publish(2);
    await eventually(() =>
      expect(troubles).toEqual(['MLflow refuses: The database is away. (INTERNAL_ERROR)']),
    );
    publish(3);
    server.broken = false;
    publish(4);
    const withoutScores = { ...sessionView('s-1', 4), scores: view.scores };
    await eventually(async () => expect(await run.points()).toEqual(keysOf(withoutScores)));
    expect(troubles).toHaveLength(1);
    await recording.finish(sessionView('s-1', 5, { state: 'completed', endedMs: 1 }));
    expect(await run.points()).toEqual(keysOf(sessionView('s-1', 5)));
  });
});

describe('which experiment and which credentials', () => {
  onlyHere('are those of the variables of MLflow', async () => {
    const server = await fake();
    const view = sessionView('s-1', 1);
    const label = async (env: Record<string, string>, experiment?: string): Promise<string> =>
      (await openMlflow({ uri: server.url, experiment, env }, view)).label;
    expect(await label({ MLFLOW_EXPERIMENT_NAME: 'trials' })).toContain('experiments/1/');
    expect(server.authorization).toBeUndefined();
    expect(await label({ MLFLOW_TRACKING_TOKEN: 'abc' })).toContain('experiments/2/');
    expect(server.authorization).toBe('Bearer abc');
    expect(await label({ MLFLOW_EXPERIMENT_ID: '1' })).toContain('experiments/1/');
    expect(await label({ MLFLOW_EXPERIMENT_ID: '1' }, 'clinics')).toContain('experiments/2/');
    const user = {
      MLFLOW_TRACKING_USERNAME: 'ada',
      MLFLOW_TRACKING_PASSWORD: 'pw',
      MLFLOW_TRACKING_TOKEN: 'abc',
    };
    await label(user);
    expect(server.authorization).toBe(`Basic ${btoa('ada:pw')}`);
  });

  onlyHere('are taken from the URL and told nobody', async () => {
    const server = await fake('p@ss');
    const uri = server.url.replace('//', '//ada:p%40ss@');
    const { label } = await openMlflow({ uri, experiment: undefined, env: {} }, sessionView('s-1', 1));
    expect(label).toContain(`MLflow: ${server.url}/#/experiments/1/runs/`);
  });
});

describe('what is wrong is said', () => {
  const opening = (uri: string, env: Record<string, string> = {}): Promise<unknown> =>
    openMlflow({ uri, experiment: undefined, env }, sessionView('s-1', 1));

  onlyHere('about the address', async () => {
    await expect(opening('sqlite:///mlflow.db')).rejects.toMatchObject({
      message: '"sqlite:///mlflow.db" is not the URL of an MLflow server.',
      exitCode: 64,
    });
    await expect(opening('postgresql://ada:secret@db/mlflow')).rejects.toThrow(
      '"postgresql://…@db/mlflow" is',
    );
    const { url, close } = await startFakeMlflow();
    await close();
    await expect(opening(url)).rejects.toMatchObject({
      message: `No MLflow server answers at ${url}/: ECONNREFUSED`,
      exitCode: 69,
    });
    await expect(opening(`${(await fake()).url}/elsewhere`)).rejects.toThrow(
      /is no MLflow server \(HTTP 404\)/,
    );
  });

  onlyHere('about credentials and experiments', async () => {
    await expect(opening((await fake('secret')).url)).rejects.toMatchObject({
      message: expect.stringContaining('does not let us in (HTTP 401): You are not authenticated.'),
      exitCode: 77,
    });
    const server = await fake();
    await opening(server.url);
    server.deleteExperiment('clinics');
    await expect(opening(server.url)).rejects.toMatchObject({
      message: 'The experiment "clinics" is deleted in MLflow.',
      advice: expect.stringContaining('mlflow experiments restore --experiment-id 1'),
      exitCode: 65,
    });
    await expect(opening(server.url, { MLFLOW_EXPERIMENT_ID: '77' })).rejects.toThrow('Experiment 77');
  });
});
