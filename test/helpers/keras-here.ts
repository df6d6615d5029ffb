import type { KerasConverter } from '../../src/keras/convert-in-thread.js';
import { checkProbe } from '../../src/keras/probe.js';
import { readKerasModel } from '../../src/keras/read-keras-model.js';
import { writeKerasModel } from '../../src/keras/write-keras-model.js';

/** Does what a gateway has a thread for, without the thread. */
export const kerasHere: KerasConverter = {
  read: readKerasModel,
  write: writeKerasModel,
  probe: (model, probe) => checkProbe(model, probe, 'invalid_job'),
  close: () => Promise.resolve(),
};
