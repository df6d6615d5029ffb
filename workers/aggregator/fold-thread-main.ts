import { answerCalls } from '../../src/process/called-thread.js';
import { ShardFolder } from '../../src/tensors/kernels.js';
import { runStep, type FoldStep, type StepDone } from './fold-step.js';

/** What the thread is asked: folders are known by numbers, and lie in memories that it shares with who asks. */
export type FoldQuestion = { readonly folder: number } & (
  | { readonly do: 'open'; readonly shardParams: number; readonly memory: WebAssembly.Memory }
  | { readonly do: 'close' }
  | FoldStep
);

const folders = new Map<number, ShardFolder>();

answerCalls((question: FoldQuestion): StepDone => {
  const none = { seconds: 0, sha256: null };
  if (question.do === 'open') {
    folders.set(question.folder, new ShardFolder(question.shardParams, { memory: question.memory }));
    return none;
  }
  if (question.do === 'close') {
    folders.delete(question.folder);
    return none;
  }
  const folder = folders.get(question.folder);
  if (folder === undefined) throw new RangeError(`There is no folder ${question.folder}.`);
  return runStep(folder, question);
});
