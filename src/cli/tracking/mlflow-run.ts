import * as z from 'zod';
import type { SessionView } from '../../protocol/http.js';
import { CliError, EXIT } from '../errors.js';
import { MlflowError, type MlflowServer } from './mlflow-server.js';

type Env = Readonly<Record<string, string | undefined>>;

/** The tag by which the run of a session is found again. */
const SESSION_TAG = 'cloud_node.session_id';

const experimentAnswer = z.object({
  experiment: z.object({
    experiment_id: z.string(),
    name: z.string(),
    lifecycle_stage: z.string().optional(),
  }),
});
const keys = z.array(z.object({ key: z.string() })).default([]);
/** What MLflow tells of a run, and of its metrics and parameters the names. */
export const mlflowRun = z.object({
  info: z.object({ run_id: z.string(), experiment_id: z.string() }),
  data: z.object({ metrics: keys, params: keys }).optional(),
});
export type MlflowRun = z.infer<typeof mlflowRun>;

/**
 * The experiment of that name, which is made when there is none.
 * @param wanted default: MLFLOW_EXPERIMENT_NAME, what MLFLOW_EXPERIMENT_ID names, or `otherwise`
 * @returns its id. Throws CliError, also when it is deleted.
 */
export async function findExperiment(
  server: MlflowServer,
  { wanted, otherwise, env }: { wanted: string | undefined; otherwise: string; env: Env },
): Promise<string> {
  const given = wanted ?? env['MLFLOW_EXPERIMENT_NAME'];
  const id = given === undefined ? env['MLFLOW_EXPERIMENT_ID'] : undefined;
  const name = given ?? otherwise;
  const look = (): Promise<z.infer<typeof experimentAnswer>> =>
    id === undefined
      ? server.get('experiments/get-by-name', { experiment_name: name }, experimentAnswer)
      : server.get('experiments/get', { experiment_id: id }, experimentAnswer);
  const found = await look().catch(async (error: unknown) => {
    if (!isCode(error, 'RESOURCE_DOES_NOT_EXIST') || id !== undefined) throw error;
    await server.post('experiments/create', { name }, z.object({})).catch((refused: unknown) => {
      // Somebody else made it in the same moment.
      if (!isCode(refused, 'RESOURCE_ALREADY_EXISTS')) throw refused;
    });
    return look();
  });
  const { experiment_id, lifecycle_stage } = found.experiment;
  if (lifecycle_stage !== 'deleted') return experiment_id;
  throw new CliError(EXIT.refused, `The experiment "${found.experiment.name}" is deleted in MLflow.`, {
    advice:
      `Bring it back (mlflow experiments restore --experiment-id ${experiment_id}), ` +
      'or name another with --experiment.',
  });
}

/** The run of a session: the one that has its id, or a new one. Throws CliError. */
export async function findRun(
  server: MlflowServer,
  experimentId: string,
  { sessionId, repoId, job, createdMs }: SessionView,
): Promise<MlflowRun> {
  const query = {
    experiment_ids: [experimentId],
    filter: `tags.\`${SESSION_TAG}\` = '${sessionId}'`,
    max_results: 1,
  };
  const { runs } = await server.post(
    'runs/search',
    query,
    z.object({ runs: z.array(mlflowRun).default([]) }),
  );
  if (runs[0] !== undefined) return runs[0];
  const tags = tagList({
    [SESSION_TAG]: sessionId,
    'cloud_node.repo_id': repoId,
    'mlflow.source.name': 'cloud-node',
  });
  const body = { experiment_id: experimentId, run_name: job.name, start_time: createdMs, tags };
  return (await server.post('runs/create', body, z.object({ run: mlflowRun }))).run;
}

/** As MLflow wants them; what has no value is left out. */
export function tagList(
  tags: Readonly<Record<string, string | null | undefined>>,
): { key: string; value: string }[] {
  return Object.entries(tags).flatMap(([key, value]) => (value ? [{ key, value }] : []));
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof MlflowError && error.code === code;
}
