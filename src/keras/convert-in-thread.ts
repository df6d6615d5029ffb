import { CloudNodeError } from '../protocol/errors.js';
import type { Probe } from '../protocol/probe.js';
import type { ConvertAnswer, ConvertQuestion } from './convert-thread.js';
import type { KerasLimits } from './limits.js';
import { OneThread, ThreadFailure } from './one-thread.js';
import type { ToProbe } from './probe.js';
import type { KerasModel } from './read-keras-model.js';
import type { ModelToWrite } from './write-keras-model.js';

interface OwnParameters {
  readonly parameters: Float32Array<ArrayBuffer>;
}

/** Reads and writes Keras files, and lets models answer the probes of jobs. All take over the bytes that they are given. */
export interface KerasConverter {
  /** @throws as {@link readKerasModel} */
  read(bytes: Uint8Array<ArrayBuffer>, limits: KerasLimits): Promise<KerasModel>;
  /** @throws as {@link writeKerasModel} */
  write(model: ModelToWrite & OwnParameters): Promise<Uint8Array>;
  /** @throws as {@link checkProbe}, with `invalid_job` */
  probe(model: ToProbe & OwnParameters, probe: Probe): Promise<number>;
  close(): Promise<void>;
}

const LIMITS = { timeoutMs: 60_000, idleMs: 1_000, heapMib: 512 };

/** Converts off the event loop, one file at a time. */
export class ThreadKerasConverter implements KerasConverter {
  readonly #thread: OneThread<ConvertQuestion, ConvertAnswer>;

  constructor(threadFile = new URL('./convert-thread.js', import.meta.url)) {
    this.#thread = new OneThread(threadFile, LIMITS);
  }

  async read(bytes: Uint8Array<ArrayBuffer>, limits: KerasLimits): Promise<KerasModel> {
    const answer = await this.#ask({ do: 'read', bytes, limits }, bytes.buffer);
    return 'read' in answer ? answer.read : Promise.reject(wrongAnswer());
  }

  async write(model: ModelToWrite & OwnParameters): Promise<Uint8Array> {
    const answer = await this.#ask({ do: 'write', model }, model.parameters.buffer);
    return 'written' in answer ? answer.written : Promise.reject(wrongAnswer());
  }

  async probe(model: ToProbe & OwnParameters, probe: Probe): Promise<number> {
    const answer = await this.#ask({ do: 'probe', model, probe }, model.parameters.buffer);
    return 'probed' in answer ? answer.probed : Promise.reject(wrongAnswer());
  }

  close(): Promise<void> {
    return this.#thread.close();
  }

  async #ask(question: ConvertQuestion, buffer: ArrayBuffer): Promise<ConvertAnswer> {
    let answer: ConvertAnswer;
    try {
      answer = await this.#thread.ask(question, [buffer]);
    } catch (error) {
      if (!(error instanceof ThreadFailure)) throw error;
      throw question.do === 'probe'
        ? new CloudNodeError('invalid_job', `"probe": the model could not answer it: ${error.message}.`)
        : new CloudNodeError('invalid_model', `The model could not be converted: ${error.message}.`);
    }
    if ('error' in answer) {
      // The HDF5 library may be out of memory for good.
      if (question.do !== 'probe') await this.#thread.close();
      throw CloudNodeError.fromWire(answer.error);
    }
    return answer;
  }
}

function wrongAnswer(): Error {
  return new Error('the thread answered another question');
}
