import { parentPort } from 'node:worker_threads';
import { CloudNodeError, type WireError } from '../protocol/errors.js';
import type { KerasLimits } from './limits.js';
import { readKerasModel, type KerasModel } from './read-keras-model.js';
import { writeKerasModel, type ModelToWrite } from './write-keras-model.js';

export type ConvertQuestion =
  | { readonly do: 'read'; readonly bytes: Uint8Array; readonly limits: KerasLimits }
  | { readonly do: 'write'; readonly model: ModelToWrite };

export type ConvertAnswer =
  { readonly read: KerasModel } | { readonly written: Uint8Array } | { readonly error: WireError };

async function answer(question: ConvertQuestion): Promise<ConvertAnswer> {
  try {
    return question.do === 'read'
      ? { read: await readKerasModel(question.bytes, question.limits) }
      : { written: await writeKerasModel(question.model) };
  } catch (error) {
    return { error: CloudNodeError.from(error).toWire() };
  }
}

parentPort?.on('message', (question: ConvertQuestion) => {
  answer(question)
    .then((made) => {
      const bytes = 'read' in made ? made.read.parameters : 'written' in made ? made.written : null;
      parentPort?.postMessage(made, bytes === null ? [] : [bytes.buffer as ArrayBuffer]);
    })
    .catch(() => undefined);
});
