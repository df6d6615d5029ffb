import type { Command } from 'commander';
import type { SessionView } from '../../protocol/http.js';
import { usageError } from '../errors.js';
import type { Tracker } from './tracker.js';

/** Where else the metrics of a session go, as the command line says. */
export interface TrackingOptions {
  readonly tensorboard?: string;
  /** True: where MLFLOW_TRACKING_URI says. */
  readonly mlflow?: string | true;
  readonly experiment?: string;
  readonly csv?: string;
}

export function addTrackingOptions(command: Command): Command {
  return command
    .option('--tensorboard <dir>', 'write the metrics of each round into <dir>/<sessionId>, for TensorBoard')
    .option('--mlflow [url]', 'log them to this MLflow server (default: MLFLOW_TRACKING_URI)')
    .option('--experiment <name>', 'of MLflow (default: MLFLOW_EXPERIMENT_NAME, or the Repo)')
    .option('--csv <file>', 'write them as a table, a row a version');
}

export function isTracked({ tensorboard, mlflow, csv }: TrackingOptions): boolean {
  return tensorboard !== undefined || mlflow !== undefined || csv !== undefined;
}

/** @throws CliError when one of them cannot be opened */
export async function openTrackers(
  { tensorboard, mlflow, experiment, csv }: TrackingOptions,
  view: SessionView,
  env: Readonly<Record<string, string | undefined>>,
): Promise<Tracker[]> {
  const trackers: Tracker[] = [];
  if (tensorboard !== undefined) {
    const { openTensorboard } = await import('./tensorboard.js');
    trackers.push(await openTensorboard(tensorboard, view));
  }
  if (mlflow !== undefined) {
    const uri = mlflow === true ? env['MLFLOW_TRACKING_URI'] : mlflow;
    if (uri === undefined || uri === '') {
      throw usageError('Which MLflow server?', 'Give --mlflow its URL, or set MLFLOW_TRACKING_URI.');
    }
    const { openMlflow } = await import('./mlflow.js');
    trackers.push(await openMlflow({ uri, experiment, env }, view));
  }
  if (csv !== undefined) {
    const { openCsv } = await import('./csv.js');
    trackers.push(openCsv(csv));
  }
  return trackers;
}
