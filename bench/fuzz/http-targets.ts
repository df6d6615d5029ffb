import type * as z from 'zod';
import { setAlias } from '../../src/protocol/alias.js';
import { evaluationRequest } from '../../src/protocol/evaluation.js';
import { encodeFrame } from '../../src/protocol/frame.js';
import { cancelSession, createKey, createRepo, revokeTokens } from '../../src/protocol/http.js';
import { askProof } from '../../src/protocol/proof.js';
import { jobRequest } from '../../src/protocol/job.js';
import * as library from '../../src/protocol/library.js';
import { modelUploadHeader, testSetHeader } from '../../src/protocol/model.js';
import type { Dice } from './dice.js';
import { generator } from './from-schema.js';
import { TEST_SET, type World } from './world.js';

/** A route, and how to make valid requests to it. */
export interface HttpTarget {
  readonly route: string;
  readonly as: 'admin' | 'owner' | 'explora' | 'dashboard' | 'apiKey' | 'nobody';
  /** How often, beside the others. */
  readonly weight: number;
  /** Of the body, or of the header of its frame. */
  readonly schema?: string;
  readonly body?: (world: World, dice: Dice, libraryId: string) => unknown;
  /** The body is a frame: this comes after its header. */
  readonly payload?: (world: World, dice: Dice) => Uint8Array;
  /** What an answer of success tells. */
  readonly learn?: (world: World, answer: Readonly<Record<string, unknown>>, libraryId: string) => void;
}

type Body = NonNullable<HttpTarget['body']>;

function of(schema: z.ZodType, change: (value: object, world: World, dice: Dice) => object = (v) => v): Body {
  const generate = generator(schema);
  return (world, dice, libraryId) =>
    change(generate(dice, world.known(dice, libraryId)) as object, world, dice);
}

const learnLease: HttpTarget['learn'] = (world, { assignment }, libraryId) => {
  const lease = assignment as (library.Assignment & object) | null | undefined;
  if (lease === null || lease === undefined) world.leases.delete(libraryId);
  else {
    const { sessionId, round, attempt, version } = lease;
    world.leases.set(libraryId, { sessionId, round, attempt, version });
    world.learn('sha256', lease.topologySha256);
  }
};
const REPO = '/v1/repos/:repoId';
const SESSION = `${REPO}/sessions/:sessionId`;
const MODEL = `${REPO}/models/:modelId`;
const read = (route: string, weight = 2): HttpTarget => ({ route: `GET ${route}`, as: 'dashboard', weight });
const asLibrary = (route: string, schema: string, body: Body): HttpTarget => ({
  route: `POST /v1/library/${route}`,
  as: 'apiKey',
  weight: 4,
  schema,
  body,
  learn: learnLease,
});

/** The body is a file: nothing is made from a schema. */
const kerasUpload = (format: 'h5' | 'keras'): HttpTarget => ({
  route: `POST ${REPO}/models?format=${format}`,
  as: 'explora',
  weight: 1,
  body: (world) => world.kerasFiles[format],
  learn: (world, { modelId }) => world.learn('modelId', modelId),
});

/** A session that does not go on for long, so that there is room for others. */
const shortJob = of(jobRequest, (job) => ({
  ...job,
  deadlines: { recruitMs: 1_000, roundMs: 3_000, maxRoundRetries: 1, pauseMs: 3_000 },
  termination: { maxRounds: 2 },
}));

export const HTTP_TARGETS: readonly HttpTarget[] = [
  asLibrary('join', 'join', of(library.join)),
  asLibrary('heartbeat', 'heartbeat', of(library.heartbeat)),
  asLibrary('assignment/accept', 'acceptAssignment', of(library.acceptAssignment)),
  { ...asLibrary('assignment/decline', 'declineAssignment', of(library.declineAssignment)), weight: 1 },
  { ...asLibrary('assignment/fail', 'failAssignment', of(library.failAssignment)), weight: 1 },
  {
    ...asLibrary('assignment/progress', 'reportProgress', of(library.reportProgress)),
    learn: () => undefined,
  },
  { route: 'GET /v1/library/assignment', as: 'apiKey', weight: 4, learn: learnLease },
  {
    route: 'PUT /v1/library/update',
    as: 'apiKey',
    weight: 6,
    schema: 'updateHeader',
    body: of(library.updateHeader, (header) => ({ ...header, numExamples: 1 })),
    payload: (world, dice) => world.weights(dice),
  },
  { route: 'GET /v1/library/sessions/:sessionId', as: 'apiKey', weight: 1 },
  { route: 'GET /v1/library/sessions/:sessionId/versions/:version', as: 'apiKey', weight: 2 },
  { route: 'GET /v1/library/sessions/:sessionId/versions/:version/weights', as: 'apiKey', weight: 2 },
  { route: 'GET /v1/library/topologies/:sha256', as: 'apiKey', weight: 2 },
  {
    route: `POST ${REPO}/models`,
    as: 'explora',
    weight: 2,
    schema: 'modelUploadHeader',
    body: of(modelUploadHeader),
    payload: (world, dice) => world.weights(dice),
    learn: (world, { modelId }) => world.learn('modelId', modelId),
  },
  kerasUpload('h5'),
  kerasUpload('keras'),
  read(`${REPO}/models`),
  {
    ...read(MODEL),
    learn: (world, { topologySha256 }) => world.learn('sha256', topologySha256),
  },
  read(`${MODEL}?format=h5`, 1),
  read(`${MODEL}?format=keras`, 1),
  read(`${MODEL}/weights`),
  read(`${MODEL}/tfjs/model.json`),
  read(`${MODEL}/tfjs/weights.bin`),
  read(`${REPO}/topologies/:sha256`),
  {
    route: `PUT ${REPO}/test-sets/:testSetId`,
    as: 'explora',
    weight: 2,
    schema: 'testSetHeader',
    body: of(testSetHeader, () => ({ numExamples: 2, inputShape: [3], labelShape: [2] })),
    payload: () => new Uint8Array(2 * 5 * 4),
    learn: (world, { testSetId }) => world.learn('testSetId', testSetId),
  },
  read(`${REPO}/test-sets`),
  {
    route: `POST ${REPO}/evaluations`,
    as: 'explora',
    weight: 2,
    schema: 'evaluationRequest',
    body: of(evaluationRequest, (asked, world, dice) => ({
      ...asked,
      // Most names and versions are not there; these are.
      model: { modelId: world.anyId('modelId', dice) },
      testSetId: TEST_SET,
    })),
    learn: (world, { evaluationId }) => world.learn('evaluationId', evaluationId),
  },
  read(`${REPO}/evaluations`, 1),
  read(`${REPO}/evaluations/:evaluationId`),
  read(`${REPO}/aliases`, 1),
  {
    route: `PUT ${REPO}/aliases/:alias`,
    as: 'explora',
    weight: 1,
    schema: 'setAlias',
    body: of(setAlias),
  },
  { route: `DELETE ${REPO}/aliases/:alias`, as: 'explora', weight: 1 },
  { ...read(`${REPO}/audit`, 1), as: 'owner' },
  { ...read('/v1/audit', 1), as: 'admin' },
  {
    route: `POST ${REPO}/sessions`,
    as: 'explora',
    weight: 3,
    schema: 'jobRequest',
    body: shortJob,
    learn: (world, { sessionId }) => world.learn('sessionId', sessionId),
  },
  read(`${REPO}/sessions`),
  read(SESSION),
  { route: `POST ${SESSION}/pause`, as: 'explora', weight: 1, body: () => ({}) },
  { route: `POST ${SESSION}/resume`, as: 'explora', weight: 1, body: () => ({}) },
  {
    route: `POST ${SESSION}/cancel`,
    as: 'explora',
    weight: 1,
    schema: 'cancelSession',
    body: of(cancelSession),
  },
  read(`${SESSION}/assignments`),
  read(`${SESSION}/events`),
  read(`${SESSION}/versions/:version`),
  read(`${SESSION}/versions/:version/weights`),
  { ...read('/v1/pool', 1), as: 'admin' },
  read('/v1/repos', 1),
  {
    route: 'POST /v1/repos',
    as: 'admin',
    weight: 1,
    schema: 'createRepo',
    body: of(createRepo, (repo, world) => ({ ...repo, repoId: world.newName('made') })),
    learn: (world, { repoId }) => world.learn('made', repoId),
  },
  read(REPO),
  { route: `DELETE ${REPO}`, as: 'admin', weight: 1 },
  {
    route: `POST ${REPO}/keys`,
    as: 'owner',
    weight: 1,
    schema: 'createKey',
    body: of(createKey),
    learn: (world, { keyId }) => world.learn('keyId', keyId),
  },
  { ...read(`${REPO}/keys`), as: 'owner' },
  { route: `DELETE ${REPO}/keys/:keyId`, as: 'owner', weight: 1 },
  {
    route: 'POST /v1/revocations',
    as: 'admin',
    weight: 1,
    schema: 'revokeTokens',
    // Nobody's: those that are in use must stay good.
    body: of(revokeTokens, (_, world) => ({ jti: world.newName('jti') })),
  },
  { route: 'POST /v1/proof', as: 'nobody', weight: 1, schema: 'askProof', body: of(askProof) },
  { route: 'GET /docs', as: 'nobody', weight: 1 },
  { route: 'GET /v1/openapi.json', as: 'nobody', weight: 1 },
  { route: 'GET /livez', as: 'nobody', weight: 1 },
  { route: 'GET /readyz', as: 'nobody', weight: 1 },
  { route: 'GET /metrics', as: 'nobody', weight: 1 },
  { route: 'GET /status/:repoId', as: 'nobody', weight: 1 },
];

/** Values for the parts of a path. */
export function pathValue(
  target: HttpTarget,
  part: string,
  { world, dice, libraryId }: { world: World; dice: Dice; libraryId: string },
): string {
  // Only what was made for it is ever deleted.
  if (target.route === `DELETE ${REPO}`) return world.anyId('made', dice);
  const isReading = target.as === 'dashboard';
  // A Library sees what it is assigned to.
  const lease = target.as === 'apiKey' && dice.chance(0.8) ? world.leases.get(libraryId) : undefined;
  if (lease !== undefined && part === 'sessionId') return lease.sessionId;
  if (lease !== undefined && part === 'version') return String(lease.version);
  switch (part) {
    case 'repoId':
      return isReading && dice.chance(0.1) ? world.calm.repoId : world.repoId;
    case 'sessionId':
      return isReading && dice.chance(0.1) ? world.calm.sessionId : world.anyId('sessionId', dice);
    case 'version':
      return String(dice.below(3));
    case 'alias':
      return `alias-${dice.below(10)}`;
    case 'testSetId':
      return dice.chance(0.5) ? TEST_SET : `t-${dice.below(30)}`;
    default:
      return world.anyId(part, dice);
  }
}

/** The body as it goes over the wire. */
export function bodyBytes(target: HttpTarget, value: unknown, payload: Uint8Array | null): Uint8Array {
  if (value === undefined) return new Uint8Array(0);
  if (value instanceof Uint8Array) return value;
  if (target.payload !== undefined) return encodeFrame(value, payload ?? new Uint8Array(0));
  return Buffer.from(JSON.stringify(value));
}
