import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

interface Pair {
  readonly key: string;
  readonly value: string;
}
interface Metric {
  readonly key: string;
  readonly value: number;
  readonly step: number;
  readonly timestamp: number;
}
interface Run {
  readonly info: {
    run_id: string;
    experiment_id: string;
    run_name: string;
    status: string;
    end_time?: number;
  };
  readonly tags: Map<string, string>;
  readonly params: Map<string, string>;
  readonly metrics: Metric[];
}

class Refusal extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** The fields that any of the requests has. */
interface Input {
  readonly experiment_name: string;
  readonly experiment_id: string;
  readonly experiment_ids: readonly string[];
  readonly name: string;
  readonly filter: string;
  readonly run_id: string;
  readonly run_name: string;
  readonly tags?: readonly Pair[];
  readonly params?: readonly Pair[];
  readonly metrics?: readonly Metric[];
  readonly status: string;
  readonly end_time: number;
  readonly metric_key: string;
  readonly page_token?: string;
}

export interface FakeMlflow {
  readonly url: string;
  /** `POST runs/create` and so on, in the order that they came. */
  readonly requests: readonly string[];
  /** Of the Authorization headers that came, the last. */
  readonly authorization: string | undefined;
  /** As long as it is true, the first metric of a batch is stored and the rest is not. */
  broken: boolean;
  deleteExperiment(name: string): void;
  close(): Promise<void>;
}

/** What a page of a metric's history holds here, to have several of them. */
const PAGE = 2;

/**
 * The part of MLflow's REST API that the command uses, as MLflow 3 answers it. With MLFLOW_TEST_URL the tests of
 * test/cli/tracking-mlflow.test.ts run against a real one instead.
 */
export async function startFakeMlflow(password?: string): Promise<FakeMlflow> {
  const experiments = new Map<string, { experiment_id: string; name: string; lifecycle_stage: string }>();
  const runs = new Map<string, Run>();
  const requests: string[] = [];
  let authorization: string | undefined;

  const existing = <T>(thing: T | undefined, what: string): T => {
    if (thing === undefined) throw new Refusal(404, 'RESOURCE_DOES_NOT_EXIST', `${what} does not exist`);
    return thing;
  };
  const runOf = (id: string): Run => existing(runs.get(id), `Run '${id}'`);
  const viewOf = ({ info, tags, params, metrics }: Run): object => {
    const pairs = (map: Map<string, string>): Pair[] => [...map].map(([key, value]) => ({ key, value }));
    const latest = new Map(metrics.map((metric) => [metric.key, metric]));
    return { info, data: { tags: pairs(tags), params: pairs(params), metrics: [...latest.values()] } };
  };

  type Route = (input: Input) => object;
  const routes: Record<string, Route> = {
    'GET experiments/get-by-name': ({ experiment_name: name }) => ({
      experiment: existing(experiments.get(name), `Could not find experiment with name '${name}'; it`),
    }),
    'GET experiments/get': ({ experiment_id: id }) => ({
      experiment: existing(
        [...experiments.values()].find(({ experiment_id }) => experiment_id === id),
        `Experiment ${id}`,
      ),
    }),
    'POST experiments/create': ({ name }) => {
      if (experiments.has(name))
        throw new Refusal(400, 'RESOURCE_ALREADY_EXISTS', 'Experiment already exists');
      const experiment_id = String(experiments.size + 1);
      experiments.set(name, { experiment_id, name, lifecycle_stage: 'active' });
      return { experiment_id };
    },
    'POST runs/search': ({ experiment_ids, filter }) => {
      const [, key = '', value] = /^tags\.`([^`]+)` = '([^']+)'$/.exec(filter) ?? [];
      const found = [...runs.values()].filter(
        ({ info, tags }) => experiment_ids.includes(info.experiment_id) && tags.get(key) === value,
      );
      return found.length === 0 ? {} : { runs: found.map(viewOf) };
    },
    'POST runs/create': ({ experiment_id, run_name, tags = [] }) => {
      const info = { run_id: randomUUID().replaceAll('-', ''), experiment_id, run_name, status: 'RUNNING' };
      const pairs = tags.map(({ key, value }) => [key, value] as const);
      const run: Run = { info, tags: new Map(pairs), params: new Map(), metrics: [] };
      runs.set(info.run_id, run);
      return { run: viewOf(run) };
    },
    'GET runs/get': ({ run_id }) => ({ run: viewOf(runOf(run_id)) }),
    'POST runs/log-batch': ({ run_id, metrics = [], params = [], tags = [] }) => {
      const run = runOf(run_id);
      for (const { key, value } of params) {
        if ((run.params.get(key) ?? value) !== value) {
          throw new Refusal(400, 'INVALID_PARAMETER_VALUE', 'Changing param values is not allowed.');
        }
        run.params.set(key, value);
      }
      for (const { key, value } of tags) run.tags.set(key, value);
      for (const metric of metrics) {
        if (!/^[\w.\- /:]+$/.test(metric.key))
          throw new Refusal(400, 'INVALID_PARAMETER_VALUE', 'Invalid name');
        run.metrics.push(metric);
        if (self.broken) throw new Refusal(500, 'INTERNAL_ERROR', 'The database is away.');
      }
      return {};
    },
    'POST runs/update': ({ run_id, status, end_time }) => {
      const { info } = runOf(run_id);
      Object.assign(info, { status, end_time });
      return { run_info: info };
    },
    'GET metrics/get-history': ({ run_id, metric_key, page_token = '0' }) => {
      const all = runOf(run_id).metrics.filter(({ key }) => key === metric_key);
      const from = Number(page_token);
      const rest = from + PAGE < all.length ? { next_page_token: String(from + PAGE) } : {};
      return { metrics: all.slice(from, from + PAGE), ...rest };
    },
  };

  const answer = async (request: IncomingMessage): Promise<{ status: number; body: string }> => {
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://here');
    ({ authorization } = request.headers);
    const name = `${request.method} ${pathname.replace('/api/2.0/mlflow/', '')}`;
    const body = await text(request);
    requests.push(name);
    if (password !== undefined && !atob(authorization?.split(' ')[1] ?? '').endsWith(`:${password}`)) {
      return { status: 401, body: 'You are not authenticated.' };
    }
    const route = routes[name];
    if (route === undefined) return { status: 404, body: '<!doctype html>' };
    try {
      const input: unknown = body === '' ? Object.fromEntries(searchParams) : JSON.parse(body);
      return { status: 200, body: JSON.stringify(route(input as Input)) };
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      return {
        status: error.status,
        body: JSON.stringify({ error_code: error.code, message: error.message }),
      };
    }
  };
  const server = createServer((request, response) => {
    void answer(request).then(({ status, body }) => response.writeHead(status).end(body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const self: FakeMlflow = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    get authorization() {
      return authorization;
    },
    broken: false,
    deleteExperiment(name) {
      const found = existing(experiments.get(name), name);
      experiments.set(name, { ...found, lifecycle_stage: 'deleted' });
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return self;
}
