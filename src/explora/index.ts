/** The Explora SDK: submits jobs, follows sessions, reads models. For browsers and Node. */
export { Explora } from './explora.js';
export { ExploraSession, SessionFailedError, type FollowOptions } from './session.js';
export { fromLayersModel } from './from-layers-model.js';
export { EvaluationNotDoneError, type EvaluateOptions } from './evaluate.js';
export type { DownloadedModel, DownloadedVersion } from './downloads.js';
export type { ExploraOptions, ModelUpload, TestSetUpload, Via } from './options.js';
export type { JobInput } from '../protocol/job.js';
export type { Probe } from '../protocol/probe.js';
export type { EvaluatedModel, EvaluationView } from '../protocol/evaluation.js';
export type { LoggedEvent, ModelView, RepoStatus, SessionRow, SessionView } from '../protocol/http.js';
export { CloudNodeError, type ErrorCode } from '../protocol/errors.js';
export { NoAnswerError } from '../protocol/client/no-answer.js';
export { ParametersMismatchError } from '../protocol/client/parameters.js';
