import * as z from 'zod';
import type { SessionState } from '../../core/session.js';
import type { SessionView } from '../../protocol/http.js';
import { findExperiment, findRun, mlflowRun, tagList } from './mlflow-run.js';
import { MlflowServer } from './mlflow-server.js';
import { pointKey, type MetricPoint } from './points.js';
import type { Tracker } from './tracker.js';

export interface MlflowTarget {
  readonly uri: string;
  /** Its name; default: see {@link findExperiment}, the id of the Repo in the end. */
  readonly experiment: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** What MLflow takes in one request. */
const MOST_METRICS = 1000;
const MOST_PARAMS = 100;
/** Every version of MLflow takes as much. */
const MOST_PARAM_CHARS = 500;

const STATUS: Partial<Record<SessionState, string>> = {
  completed: 'FINISHED',
  failed: 'FAILED',
  cancelled: 'KILLED',
};

const nothing = z.object({});
const runAnswer = z.object({ run: mlflowRun });
const historyAnswer = z.object({
  metrics: z.array(z.object({ key: z.string(), step: z.coerce.number().default(0) })).default([]),
  next_page_token: z.string().default(''),
});

/**
 * The run of a session at an MLflow server: the one that is there, or a new one with the job as its parameters.
 * @throws CliError, as {@link MlflowServer}
 */
export async function openMlflow(
  { uri, experiment, env }: MlflowTarget,
  view: SessionView,
): Promise<Tracker> {
  const server = new MlflowServer(uri, env);
  const where = { wanted: experiment, otherwise: view.repoId, env };
  const experimentId = await findExperiment(server, where);
  const { info, data } = await findRun(server, experimentId, view);
  const log = (what: Readonly<Record<string, unknown>>): Promise<unknown> =>
    server.post('runs/log-batch', { run_id: info.run_id, ...what }, nothing);
  // One that is there must not change, not even in how a number is written.
  const given = new Set(data?.params.map(({ key }) => key));
  const missing = paramsOf(view).filter(({ key }) => !given.has(key));
  for (const params of chunks(missing, MOST_PARAMS)) await log({ params });
  let logged: Set<string> | null = null;
  return {
    label: `MLflow: ${server.url}#/experiments/${experimentId}/runs/${info.run_id}`,
    async write(points) {
      const known = logged ?? (await loggedPoints(server, info.run_id));
      // Of a request that fails, MLflow may have stored a part: then it is asked again what it has.
      logged = null;
      const fresh = points.filter((point) => !known.has(pointKey(point)));
      for (const some of chunks(fresh, MOST_METRICS)) {
        await log({ metrics: some.map(metricOf) });
        for (const point of some) known.add(pointKey(point));
      }
      logged = known;
    },
    async end(last) {
      await log({ tags: resultTags(last) });
      const update = { run_id: info.run_id, status: STATUS[last.state], end_time: last.endedMs };
      await server.post('runs/update', update, nothing);
    },
  };
}

/** What the run has already, whoever logged it. */
async function loggedPoints(server: MlflowServer, runId: string): Promise<Set<string>> {
  const known = new Set<string>();
  const { run } = await server.get('runs/get', { run_id: runId }, runAnswer);
  for (const { key: name } of run.data?.metrics ?? []) {
    let page = '';
    do {
      const next = page === '' ? {} : { page_token: page };
      const query = { run_id: runId, metric_key: name, max_results: '5000', ...next };
      const answer = await server.get('metrics/get-history', query, historyAnswer);
      for (const { step } of answer.metrics) known.add(pointKey({ name, step }));
      page = answer.next_page_token;
    } while (page !== '');
  }
  return known;
}

function metricOf({ name, step, value, atMs }: MetricPoint): Record<string, string | number> {
  return { key: name, value, timestamp: atMs, step };
}

/** The job, field by field: `hyperparams.batchSize`. */
function paramsOf({ job, geometry }: SessionView): { key: string; value: string }[] {
  const params: { key: string; value: string }[] = [];
  const add = (key: string, value: unknown): void => {
    if (value === null || value === undefined) return;
    if (typeof value === 'object' && !Array.isArray(value)) {
      for (const [name, inner] of Object.entries(value)) add(key === '' ? name : `${key}.${name}`, inner);
    } else {
      const text = typeof value === 'string' ? value : JSON.stringify(value);
      params.push({ key, value: text.slice(0, MOST_PARAM_CHARS) });
    }
  };
  add('', { paramCount: geometry.paramCount, ...job });
  return params;
}

function resultTags({
  state,
  version,
  reason,
  resultModelId,
  history,
}: SessionView): ReturnType<typeof tagList> {
  return tagList({
    'cloud_node.state': state,
    'cloud_node.version': String(version),
    'cloud_node.reason': reason,
    'cloud_node.model_id': resultModelId,
    'cloud_node.model_sha256': history.find(({ round }) => round === version)?.sha256,
  });
}

function chunks<T>(list: readonly T[], most: number): T[][] {
  return Array.from({ length: Math.ceil(list.length / most) }, (_, i) =>
    list.slice(i * most, (i + 1) * most),
  );
}
