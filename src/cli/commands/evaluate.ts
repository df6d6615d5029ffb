import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import type { EvaluatedModel, EvaluationView } from '../../protocol/evaluation.js';
import type { PoolApi } from '../api.js';
import { contextOf } from '../context.js';
import { CliError, EXIT } from '../errors.js';
import { renderFields } from '../table.js';

interface EvaluateOptions {
  readonly testSet: string;
  readonly loss?: string;
  readonly metrics?: string;
}

const LOOK_MS = 500;

export function addEvaluateCommand(program: Command): void {
  program
    .command('evaluate')
    .description('have a model scored on a test set of the Repo')
    .argument('<repoId>')
    .argument('<model>', 'id of a model (m-…), a name such as production, or <sessionId>@<version>')
    .option('--test-set <testSetId>', 'which one', 'default')
    .option('--loss <loss>', 'of TF.js (default: that of the session that trained it)')
    .option('--metrics <names>', 'of TF.js, with commas (default: those of that session)')
    .action(async (repoId: string, model: string, options: EvaluateOptions, command: Command) => {
      const { api, out } = contextOf(command);
      const client = await api();
      const { testSet: testSetId, loss, metrics } = options;
      const asked = await client.evaluate(repoId, {
        model: evaluatedModel(model),
        testSetId,
        ...(loss === undefined ? {} : { loss }),
        ...(metrics === undefined ? {} : { metrics: metrics.split(',').filter((name) => name !== '') }),
      });
      if (asked.state === 'waiting') out.note(`Evaluation ${asked.evaluationId} waits for an evaluator.`);
      const ended = await untilEnded(client, repoId, asked);
      if (ended.state === 'failed') throw new CliError(EXIT.failed, `It can not be scored: ${ended.reason}`);
      out.result(ended, (style) => [
        `${style.green('✓')} ${model} on test set ${style.bold(testSetId)}`,
        ...renderFields(
          Object.entries(ended.result ?? {}).map(([name, value]) => [name, String(value)]),
          style,
        ),
      ]);
    });
}

function evaluatedModel(text: string): EvaluatedModel {
  const [, sessionId, version] = /^(.+)@(\d+)$/.exec(text) ?? [];
  if (sessionId !== undefined) return { sessionId, version: Number(version) };
  return text.startsWith('m-') ? { modelId: text } : { alias: text };
}

async function untilEnded(api: PoolApi, repoId: string, asked: EvaluationView): Promise<EvaluationView> {
  let seen = asked;
  while (seen.state === 'waiting') {
    await sleep(LOOK_MS);
    seen = await api.evaluation(repoId, asked.evaluationId);
  }
  return seen;
}
