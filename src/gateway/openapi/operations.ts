import type * as z from 'zod';
import type { AnswerName } from '../../protocol/answers.js';
import * as http from '../../protocol/http.js';
import { setAlias } from '../../protocol/alias.js';
import { evaluationRequest } from '../../protocol/evaluation.js';
import { askProof } from '../../protocol/proof.js';
import { jobRequest } from '../../protocol/job.js';
import * as library from '../../protocol/library.js';
import { modelUploadHeader, testSetHeader } from '../../protocol/model.js';

/** Bytes that are no JSON, by what they are. */
export type Raw = 'text' | 'f32' | 'events' | 'lines' | 'html';

export interface Operation {
  readonly summary: string;
  /** Of a JSON body; with an example that a Repo with a model of that id accepts. */
  readonly json?: { readonly schema: z.ZodType; readonly example: unknown };
  /** Header of a frame; its payload follows. */
  readonly frame?: z.ZodType;
  /** Files that the body, or the answer, may be instead. */
  readonly files?: { readonly of: 'body' | 'answer'; readonly types: readonly string[] };
  readonly query?: readonly QueryName[];
  readonly status?: 200 | 201 | 202;
  readonly answer: AnswerName | { readonly raw: Raw };
}

export const QUERIES = {
  encoding: {
    schema: { type: 'string', enum: ['f32', 'f16'], default: 'f32' },
    about: 'How the bytes are encoded.',
  },
  after: {
    schema: { type: 'integer', minimum: 0, default: 0 },
    about: 'Number of the last entry that you have.',
  },
  nonce: {
    schema: { type: 'string', pattern: '^[A-Za-z0-9_-]{22,86}$' },
    about: 'The answer is signed with it, when the pool has a key.',
  },
  offset: { schema: { type: 'integer', minimum: 0, default: 0 }, about: 'Leaves out so many of the newest.' },
  limit: { schema: { type: 'integer', minimum: 1 }, about: 'At most so many entries.' },
  format: {
    schema: { type: 'string', enum: ['h5', 'keras'] },
    about: 'A Keras file of this kind. See docs/keras.md.',
  },
  name: { schema: { type: 'string', maxLength: 128 }, about: 'Another name than the Keras file gives.' },
} as const;
const KERAS_TYPES = ['application/x-hdf5', 'application/zip'];
export type QueryName = keyof typeof QUERIES;

const at = { sessionId: 's-4f1c9be07a35d218', round: 1, attempt: 1 };
const weights = { query: ['encoding'], answer: { raw: 'f32' } } as const;
const trail = { query: ['after', 'limit'], answer: { raw: 'lines' } } as const;
const datasets = [{ datasetId: 'data', numExamples: 100 }];

/** Every HTTP route, as docs/protocol.md lists them: a test compares the two, and drives each of these. */
export const OPERATIONS: Readonly<Record<string, Operation>> = {
  'GET /livez': { summary: 'Whether the process lives.', answer: { raw: 'text' } },
  'GET /readyz': {
    summary: 'Whether Redis answers and the process is not draining.',
    answer: { raw: 'text' },
  },
  'GET /metrics': { summary: 'Metrics of this process for Prometheus.', answer: { raw: 'text' } },
  'GET /status/:repoId': { summary: 'Whether a session of the Repo is on.', answer: 'Busy' },
  'GET /v1/openapi.json': { summary: 'This document.', answer: 'Topology' },
  'GET /docs': { summary: 'This document for people.', answer: { raw: 'html' } },

  'GET /v1/pool': { summary: 'Processes, slots, rentals, queues and Redis.', answer: 'PoolStatus' },
  'GET /v1/audit': { summary: "The pool's audit trail.", ...trail },
  'POST /v1/proof': {
    summary: 'Let the pool prove who it is.',
    json: { schema: askProof, example: { repoId: 'clinics', nonce: 'AAECAwQFBgcICQoLDA0ODw' } },
    answer: 'Proof',
  },
  'POST /v1/revocations': {
    summary: 'Make tokens invalid.',
    json: { schema: http.revokeTokens, example: { jti: '0b1c2d3e' } },
    answer: 'KeyRevoked',
  },
  'GET /v1/repos': { summary: 'Repos that the token is good for.', answer: 'Repos' },
  'POST /v1/repos': {
    summary: 'Make a Repo.',
    json: { schema: http.createRepo, example: { repoId: 'clinics', name: 'Clinics' } },
    status: 201,
    answer: 'Repo',
  },
  'GET /v1/repos/:repoId': { summary: 'Whether the Repo is busy, and with what.', answer: 'RepoStatus' },
  'DELETE /v1/repos/:repoId': { summary: 'Delete the Repo with all that it holds.', answer: 'RepoDeleted' },
  'GET /v1/repos/:repoId/audit': { summary: "The Repo's audit trail.", ...trail },
  'POST /v1/repos/:repoId/keys': {
    summary: 'Make an API key; it is shown this once.',
    json: { schema: http.createKey, example: { label: 'clinic 7' } },
    status: 201,
    answer: 'KeyCreated',
  },
  'GET /v1/repos/:repoId/keys': { summary: 'API keys, without their secrets.', answer: 'Keys' },
  'DELETE /v1/repos/:repoId/keys/:keyId': { summary: 'Make an API key invalid.', answer: 'KeyRevoked' },

  'POST /v1/repos/:repoId/models': {
    summary: 'Upload a model.',
    frame: modelUploadHeader,
    files: { of: 'body', types: KERAS_TYPES },
    query: ['format', 'name'],
    status: 201,
    answer: 'ModelUploaded',
  },
  'GET /v1/repos/:repoId/models': { summary: 'Models, newest first.', answer: 'Models' },
  'GET /v1/repos/:repoId/models/:modelId': {
    summary: 'A model with its tensors and hashes, or as a Keras file.',
    files: { of: 'answer', types: KERAS_TYPES },
    query: ['format'],
    answer: 'Model',
  },
  'GET /v1/repos/:repoId/models/:modelId/weights': { summary: 'Weights of a model.', ...weights },
  'GET /v1/repos/:repoId/models/:modelId/tfjs/model.json': {
    summary: 'What tf.loadLayersModel loads.',
    answer: 'TfjsModel',
  },
  'GET /v1/repos/:repoId/models/:modelId/tfjs/weights.bin': {
    summary: 'The weights that model.json names.',
    answer: { raw: 'f32' },
  },
  'GET /v1/repos/:repoId/topologies/:sha256': { summary: 'A topology.', answer: 'Topology' },
  'PUT /v1/repos/:repoId/test-sets/:testSetId': {
    summary: 'Upload or replace a test set.',
    frame: testSetHeader,
    answer: 'TestSet',
  },
  'GET /v1/repos/:repoId/test-sets': { summary: 'Test sets.', answer: 'TestSets' },

  'POST /v1/repos/:repoId/evaluations': {
    summary: 'Have a model or a version scored on a test set.',
    json: {
      schema: evaluationRequest,
      example: { model: { modelId: 'm-0123456789abcdef01234567' }, testSetId: 'default' },
    },
    status: 202,
    answer: 'Evaluation',
  },
  'GET /v1/repos/:repoId/evaluations': {
    summary: 'Evaluations that were asked for, newest first.',
    answer: 'Evaluations',
  },
  'GET /v1/repos/:repoId/evaluations/:evaluationId': {
    summary: 'Whether an evaluation is done, and its result.',
    answer: 'Evaluation',
  },

  'POST /v1/repos/:repoId/sessions': {
    summary: 'Submit a job.',
    json: {
      schema: jobRequest,
      example: { modelId: 'm-0123456789abcdef01234567', hyperparams: { batchSize: 10 } },
    },
    status: 201,
    answer: 'Session',
  },
  'GET /v1/repos/:repoId/aliases': { summary: 'Names of models.', answer: 'Aliases' },
  'PUT /v1/repos/:repoId/aliases/:alias': {
    summary: 'Let a name point at a model.',
    json: { schema: setAlias, example: { modelId: 'm-0123456789abcdef01234567' } },
    answer: 'Alias',
  },
  'DELETE /v1/repos/:repoId/aliases/:alias': { summary: 'Take a name away.', answer: 'AliasRemoved' },

  'GET /v1/repos/:repoId/sessions': {
    summary: 'Sessions, newest first.',
    query: ['limit', 'offset'],
    answer: 'Sessions',
  },
  'GET /v1/repos/:repoId/sessions/:sessionId/assignments': {
    summary: 'How many Libraries of the open round are in which state.',
    answer: 'AssignmentCounts',
  },
  'GET /v1/repos/:repoId/sessions/:sessionId': { summary: 'A session with its rounds.', answer: 'Session' },
  'POST /v1/repos/:repoId/sessions/:sessionId/pause': {
    summary: 'Open no further round.',
    answer: 'Session',
  },
  'POST /v1/repos/:repoId/sessions/:sessionId/resume': {
    summary: 'Go on with a paused session.',
    answer: 'Session',
  },
  'POST /v1/repos/:repoId/sessions/:sessionId/cancel': {
    summary: 'Stop a session; what it has published is kept.',
    json: { schema: http.cancelSession, example: { reason: 'wrong data set' } },
    answer: 'Session',
  },
  'GET /v1/repos/:repoId/sessions/:sessionId/events': {
    summary: 'Events of a session, as they happen; Last-Event-ID resumes.',
    answer: { raw: 'events' },
  },
  'GET /v1/repos/:repoId/sessions/:sessionId/versions/:version': {
    summary: 'Manifest of a version, or the version as a Keras file.',
    files: { of: 'answer', types: KERAS_TYPES },
    query: ['format'],
    answer: 'Manifest',
  },
  'GET /v1/repos/:repoId/sessions/:sessionId/versions/:version/weights': {
    summary: 'Weights of a version.',
    ...weights,
  },

  'POST /v1/library/join': {
    summary: 'Say what data you hold, and that you are there.',
    json: { schema: library.join, example: { datasets } },
    answer: 'LibraryStatus',
  },
  'POST /v1/library/heartbeat': {
    summary: 'Say that you are still there.',
    json: { schema: library.heartbeat, example: {} },
    answer: 'LibraryStatus',
  },
  'GET /v1/library/assignment': {
    summary: 'What you are asked to do.',
    query: ['nonce'],
    answer: 'LibraryStatus',
  },
  'POST /v1/library/assignment/accept': {
    summary: 'Take the assignment.',
    json: { schema: library.acceptAssignment, example: at },
    answer: 'LibraryStatus',
  },
  'POST /v1/library/assignment/decline': {
    summary: 'Leave the assignment to others.',
    json: { schema: library.declineAssignment, example: { ...at, reason: 'on battery' } },
    answer: 'LibraryStatus',
  },
  'POST /v1/library/assignment/fail': {
    summary: 'Say that training broke.',
    json: { schema: library.failAssignment, example: { ...at, reason: 'out of memory' } },
    answer: 'LibraryStatus',
  },
  'POST /v1/library/assignment/progress': {
    summary: 'Say how far training is.',
    json: { schema: library.reportProgress, example: { ...at, epoch: 1, epochs: 5 } },
    answer: 'Empty',
  },
  'PUT /v1/library/update': {
    summary: 'Give an update.',
    frame: library.updateHeader,
    answer: 'UpdateAccepted',
  },
  'GET /v1/library/sessions/:sessionId': {
    summary: 'Whether a session goes on.',
    answer: 'LibrarySession',
  },
  'GET /v1/library/sessions/:sessionId/versions/:version': {
    summary: 'Manifest of the version to start from.',
    answer: 'Manifest',
  },
  'GET /v1/library/sessions/:sessionId/versions/:version/weights': {
    summary: 'Weights to start from.',
    ...weights,
  },
  'GET /v1/library/topologies/:sha256': { summary: 'Topology of the model to train.', answer: 'Topology' },
};
