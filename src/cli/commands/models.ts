import { Option, type Command } from 'commander';
import { contextOf } from '../context.js';
import { bytes, integer, relativeTime } from '../format.js';
import type { SaveFormat } from '../save-model.js';
import { renderTable } from '../table.js';

export function addModelCommands(program: Command): void {
  program
    .command('models')
    .description('list the models of a Repo')
    .argument('<repoId>')
    .action(async (repoId: string, _options, command: Command) => {
      const { api, out } = contextOf(command);
      const models = await (await api()).models(repoId);
      const nowMs = Date.now();
      out.result({ models }, (style) =>
        renderTable(
          [
            { title: 'Model', value: (row) => row.modelId },
            { title: 'Name', value: (row) => row.name },
            { title: 'Parameters', value: (row) => integer(row.parameters.paramCount), align: 'right' },
            { title: 'Size', value: (row) => bytes(4 * row.parameters.paramCount), align: 'right' },
            { title: 'Tensors', value: (row) => String(row.tensorCount), align: 'right' },
            {
              title: 'From',
              value: ({ trainedBy }) =>
                trainedBy === null ? 'uploaded' : `${trainedBy.sessionId} version ${trainedBy.version}`,
            },
            { title: 'Created', value: (row) => relativeTime(row.createdMs, nowMs) },
            { title: 'SHA-256', value: (row) => row.parameters.sha256.slice(0, 12) },
          ],
          models,
          { style, width: out.width, empty: 'No models yet. `cloud-node upload` stores one.' },
        ),
      );
    });

  program
    .command('upload')
    .description('store a model: a Keras file (.h5, .keras) or a TF.js layers model')
    .argument('<repoId>')
    .argument('<model>', 'the file, or the folder of a model.json')
    .action(async (repoId: string, model: string, _options, command: Command) => {
      const { explora, out } = contextOf(command);
      const { uploadFile } = await import('../prepare-job.js');
      const { record, training } = await uploadFile(await explora(repoId), model, out.note);
      out.result({ ...record, training }, (style) => [
        `${style.green('✓')} Model ${style.bold(record.modelId)} (${record.name})`,
        ...(training === null ? [] : [style.dim(`  compiled with ${JSON.stringify(training)}`)]),
      ]);
    });

  program
    .command('convert')
    .description('convert a model on this machine; what is written has been read again and compared')
    .argument('<in>', 'a Keras file (.h5, .keras), or the folder of a model.json')
    .argument('<out>', 'a file that ends in .h5 or .keras, or a folder for model.json and weights.bin')
    .option('--probe <file>', 'JSON of inputs and of what the model must answer to them: docs/keras.md')
    .action(async (from: string, to: string, { probe }: { probe?: string }, command: Command) => {
      const { out } = contextOf(command);
      const { convertModel } = await import('../convert-model.js');
      const converted = await convertModel(from, to, probe);
      converted.notes.forEach((note) => out.note(note));
      out.result(converted, (style) => [
        `${style.green('✓')} ${converted.files.join(' and ')}`,
        style.dim(
          `  ${converted.name}: ${integer(converted.params)} parameters, checked${converted.probed === null ? '' : ', and so are its answers'}`,
        ),
      ]);
    });

  program
    .command('download')
    .description('save a model, checked against its hashes')
    .argument('<repoId>')
    .argument('<modelId>', 'of an uploaded model, or the result of a session')
    .requiredOption('--out <dir>', 'folder to write to')
    .addOption(
      new Option(
        '--format <format>',
        'tfjs: model.json and weights.bin; h5, keras: for Keras; raw: f32 and a manifest',
      )
        .choices(['tfjs', 'h5', 'keras', 'raw'])
        .default('tfjs'),
    )
    .action(
      async (
        repoId: string,
        modelId: string,
        options: { out: string; format: SaveFormat },
        command: Command,
      ) => {
        const { explora, out } = contextOf(command);
        const { saveModel } = await import('../save-model.js');
        const target = { dir: options.out, format: options.format };
        const saved = await saveModel(await explora(repoId), modelId, target);
        out.result(saved, (style) => [
          `${style.green('✓')} ${saved.files.join(' and ')} in ${saved.dir}`,
          style.dim(`  sha256 ${saved.sha256}, checked`),
        ]);
      },
    );
}
