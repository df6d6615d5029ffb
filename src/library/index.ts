/**
 * The Library SDK: takes part in federated learning with data that stays where it is. For browsers and Node; in Node,
 * `tf-backend-node.js` beside this file picks the fastest backend of TensorFlow.js.
 */
export { Library } from './library.js';
export type { LibraryEvents, LibraryOptions, LibraryState, RoundReport, Transport } from './options.js';
export type { ArrayData, LocalData, RowData, TensorData, Values } from './dataset.js';
export type { Metrics, Trainer, TrainRequest, TrainResult } from './trainer.js';
export { CloudNodeError, type ErrorCode } from '../protocol/errors.js';
export { NoAnswerError } from '../protocol/client/no-answer.js';
export { ParametersMismatchError } from '../protocol/client/parameters.js';
