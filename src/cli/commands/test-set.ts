import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { shape } from '../arguments.js';
import { contextOf } from '../context.js';
import { usageError } from '../errors.js';
import { bytes, integer } from '../format.js';

interface TestSetOptions {
  readonly inputs: string;
  readonly labels: string;
  readonly shape: readonly number[];
  readonly labelShape: readonly number[];
}

export function addTestSetCommand(program: Command): void {
  program
    .command('test-set')
    .description('upload a test set, on which the evaluator scores versions')
    .argument('<repoId>')
    .argument('<testSetId>', 'what jobs call it in evaluation.testSetId or datasetId')
    .requiredOption('--inputs <file>', 'raw f32, little-endian, one example after another')
    .requiredOption('--labels <file>', 'the same for the labels')
    .requiredOption('--shape <sizes>', 'of one input, e.g. 784 or 28,28,1', shape)
    .requiredOption('--label-shape <sizes>', 'of one label, e.g. 10; "" for a number', shape)
    .action(async (repoId: string, testSetId: string, options: TestSetOptions, command: Command) => {
      const { explora, out } = contextOf(command);
      const [inputs, labels] = await Promise.all([readInput(options.inputs), readInput(options.labels)]);
      const numExamples = countExamples(inputs, options.inputs, options.shape);
      if (countExamples(labels, options.labels, options.labelShape) !== numExamples) {
        throw usageError(`${options.labels} has not as many examples as ${options.inputs} (${numExamples}).`);
      }
      const record = await (
        await explora(repoId)
      ).uploadTestSet(testSetId, {
        inputs,
        inputShape: options.shape,
        labels,
        labelShape: options.labelShape,
        numExamples,
      });
      out.result(record, (style) => [
        `${style.green('✓')} Test set ${record.testSetId}: ${integer(numExamples)} examples, ${bytes(record.bytes)}.`,
      ]);
    });
}

async function readInput(file: string): Promise<Float32Array> {
  try {
    const content = await readFile(file);
    if (content.length % 4 === 0) return new Float32Array(new Uint8Array(content).buffer);
  } catch (error) {
    throw usageError(`${file} cannot be read: ${(error as Error).message}`);
  }
  throw usageError(`${file} is not f32: its length is not a multiple of 4 bytes.`);
}

function countExamples(values: Float32Array, file: string, sizes: readonly number[]): number {
  const each = sizes.reduce((product, size) => product * size, 1);
  if (values.length > 0 && values.length % each === 0) return values.length / each;
  throw usageError(`${file} has ${values.length} values, not a multiple of ${sizes.join(' × ') || '1'}.`);
}
