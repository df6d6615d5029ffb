import { parentPort } from 'node:worker_threads';
import { CloudNodeError, type WireError } from '../protocol/errors.js';
import type { Probe } from '../protocol/probe.js';
import type { KerasLimits } from './limits.js';
import { checkProbe, type ToProbe } from './probe.js';
import { readKerasModel, type KerasModel } from './read-keras-model.js';
import { writeKerasModel, type ModelToWrite } from './write-keras-model.js';

export type ConvertQuestion =
  | { readonly do: 'read'; readonly bytes: Uint8Array; readonly limits: KerasLimits }
  | { readonly do: 'write'; readonly model: ModelToWrite }
  | { readonly do: 'probe'; readonly model: ToProbe; readonly probe: Probe };

export type ConvertAnswer =
  | { readonly read: KerasModel }
  | { readonly written: Uint8Array }
  | { readonly probed: number }
  | { readonly error: WireError };

async function answer(question: ConvertQuestion): Promise<ConvertAnswer> {
  try {
    switch (question.do) {
      case 'read':
        return { read: await readKerasModel(question.bytes, question.limits) };
      case 'write':
        return { written: await writeKerasModel(question.model) };
      case 'probe':
        return { probed: await checkProbe(question.model, question.probe, 'invalid_job') };
    }
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
