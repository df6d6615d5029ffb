import { ROLES, type Role } from '../../protocol/http.js';

/** Anyone without credentials, a Library by its API key, or whoever has a token with one of these roles. */
export type Who = 'anyone' | 'library' | readonly Role[];

const READERS = ROLES;
const WRITERS = ['admin', 'owner', 'explora'] as const satisfies readonly Role[];
const OWNERS = ['admin', 'owner'] as const satisfies readonly Role[];
const ADMINS = ['admin'] as const satisfies readonly Role[];

/**
 * Who may use which HTTP route: what is not here has no handler (guard.ts). A token must be good for the Repo of the
 * path, except an admin's; a key opens only what belongs to its own Repo. `HEAD` is as `GET`. docs/security.md has the
 * same table, and tests walk it.
 */
export const ROUTES = {
  'GET /livez': 'anyone',
  'GET /readyz': 'anyone',
  'GET /metrics': 'anyone',
  'GET /status/:repoId': 'anyone',
  'GET /v1/openapi.json': 'anyone',
  'GET /docs': 'anyone',
  'POST /v1/proof': 'anyone',

  'GET /v1/pool': READERS,
  'GET /v1/repos': READERS,
  'POST /v1/repos': ADMINS,
  'POST /v1/revocations': ADMINS,
  'GET /v1/repos/:repoId': READERS,
  'DELETE /v1/repos/:repoId': OWNERS,
  'POST /v1/repos/:repoId/keys': OWNERS,
  'GET /v1/repos/:repoId/keys': OWNERS,
  'DELETE /v1/repos/:repoId/keys/:keyId': OWNERS,

  'GET /v1/repos/:repoId/audit': OWNERS,
  'GET /v1/audit': ADMINS,

  'POST /v1/repos/:repoId/models': WRITERS,
  'GET /v1/repos/:repoId/models': READERS,
  'GET /v1/repos/:repoId/models/:modelId': READERS,
  'GET /v1/repos/:repoId/models/:modelId/weights': READERS,
  'GET /v1/repos/:repoId/models/:modelId/tfjs/model.json': READERS,
  'GET /v1/repos/:repoId/models/:modelId/tfjs/weights.bin': READERS,
  'GET /v1/repos/:repoId/topologies/:sha256': READERS,
  'PUT /v1/repos/:repoId/test-sets/:testSetId': WRITERS,
  'GET /v1/repos/:repoId/test-sets': READERS,
  'POST /v1/repos/:repoId/evaluations': WRITERS,
  'GET /v1/repos/:repoId/evaluations': READERS,
  'GET /v1/repos/:repoId/evaluations/:evaluationId': READERS,
  'GET /v1/repos/:repoId/aliases': READERS,
  'PUT /v1/repos/:repoId/aliases/:alias': WRITERS,
  'DELETE /v1/repos/:repoId/aliases/:alias': WRITERS,

  'POST /v1/repos/:repoId/sessions': WRITERS,
  'GET /v1/repos/:repoId/sessions': READERS,
  'GET /v1/repos/:repoId/sessions/:sessionId': READERS,
  'GET /v1/repos/:repoId/sessions/:sessionId/assignments': READERS,
  'POST /v1/repos/:repoId/sessions/:sessionId/cancel': WRITERS,
  'POST /v1/repos/:repoId/sessions/:sessionId/pause': WRITERS,
  'POST /v1/repos/:repoId/sessions/:sessionId/resume': WRITERS,
  'GET /v1/repos/:repoId/sessions/:sessionId/events': READERS,
  'GET /v1/repos/:repoId/sessions/:sessionId/versions/:version': READERS,
  'GET /v1/repos/:repoId/sessions/:sessionId/versions/:version/weights': READERS,

  'POST /v1/library/join': 'library',
  'POST /v1/library/heartbeat': 'library',
  'GET /v1/library/assignment': 'library',
  'POST /v1/library/assignment/accept': 'library',
  'POST /v1/library/assignment/decline': 'library',
  'POST /v1/library/assignment/fail': 'library',
  'POST /v1/library/assignment/progress': 'library',
  'PUT /v1/library/update': 'library',
  'GET /v1/library/sessions/:sessionId/versions/:version': 'library',
  'GET /v1/library/sessions/:sessionId/versions/:version/weights': 'library',
  'GET /v1/library/sessions/:sessionId': 'library',
  'GET /v1/library/topologies/:sha256': 'library',
} as const satisfies Readonly<Record<string, Who>>;
export type Route = keyof typeof ROUTES;

/** The same for the namespaces of sockets and their events; `connect` is the handshake. */
export const EVENTS = {
  '/library connect': 'library',
  '/library library:join': 'library',
  '/library assignment:get': 'library',
  '/library assignment:accept': 'library',
  '/library assignment:decline': 'library',
  '/library assignment:fail': 'library',
  '/library assignment:progress': 'library',
  '/library update:put': 'library',

  '/explora connect': READERS,
  '/explora session:get': READERS,
  '/explora session:follow': READERS,
  '/explora session:unfollow': READERS,
  '/explora job:submit': WRITERS,
  '/explora session:pause': WRITERS,
  '/explora session:resume': WRITERS,
  '/explora session:cancel': WRITERS,

  '/dashboard connect': READERS,
  '/dashboard session:get': READERS,
  '/dashboard session:follow': READERS,
  '/dashboard session:unfollow': READERS,
} as const satisfies Readonly<Record<string, Who>>;
export type SocketEvent = keyof typeof EVENTS;
/** The events of one namespace. */
export type EventOf<Namespace extends string, Row = SocketEvent> = Row extends `${Namespace} ${infer Event}`
  ? Event
  : never;
