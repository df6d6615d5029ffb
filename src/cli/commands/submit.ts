import type { Command } from 'commander';
import { collect } from '../arguments.js';
import { contextOf } from '../context.js';
import { addTrackingOptions, isTracked, type TrackingOptions } from '../tracking/options.js';

interface SubmitOptions extends TrackingOptions {
  readonly job: string;
  readonly model?: string;
  readonly probe?: string;
  readonly set?: readonly string[];
  readonly watch?: boolean;
}

export function addSubmitCommand(program: Command): void {
  const submit = program
    .command('submit')
    .description('submit a job: starts a session')
    .argument('<repoId>')
    .requiredOption('--job <file>', 'the job as JSON; "-" reads it from stdin')
    .option(
      '--model <model>',
      'Keras .h5 or .keras, or TF.js model.json (or its folder), to upload first; or the id of an uploaded model',
    )
    .option(
      '--probe <file>',
      'JSON of inputs and of what the model must answer to them, docs/keras.md; if it does not, the job is refused',
    )
    .option(
      '--set <name=value>',
      'overrides a field, e.g. termination.maxRounds=5; repeat it for several',
      collect,
    )
    .option('--watch', 'look on until the session ends; also when metrics are to be written');
  addTrackingOptions(submit)
    .addHelpText(
      'after',
      '\nThe smallest job: {"modelId": "…", "hyperparams": {"batchSize": 32}}. All fields: docs/protocol.md.',
    )
    .action(async (repoId: string, options: SubmitOptions, command: Command) => {
      const { explora, api, out } = contextOf(command);
      const { prepareJob } = await import('../prepare-job.js');
      const client = await explora(repoId);
      const job = await prepareJob(client, options, out.note);
      const session = await client.submit(job);
      if (options.watch || isTracked(options)) {
        // Should the metrics have nowhere to go, the session is there all the same.
        out.note(`Session ${session.sessionId} is submitted.`);
        const { watchUntilEnd } = await import('../watch.js');
        return watchUntilEnd({ session, repoId, api: await api(), out, tracking: options });
      }
      out.result(await session.get(), (style) => [
        `${style.green('✓')} Session ${style.bold(session.sessionId)} is submitted.`,
        style.dim(`  Look on: cloud-node watch ${repoId} ${session.sessionId}`),
      ]);
    });
}
