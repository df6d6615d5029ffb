import type { AuditHead } from '../protocol/audit.js';
import { ApiClient, type ApiRequest } from '../protocol/client/request.js';
import type { EvaluationRequest, EvaluationView } from '../protocol/evaluation.js';
import type {
  KeyCreated,
  KeyView,
  ModelView,
  PoolStatus,
  RepoDeleted,
  RepoStatus,
  SessionRow,
  SessionView,
} from '../protocol/http.js';
import type { RepoRecord } from '../protocol/records.js';

export interface ApiSettings {
  readonly urls: readonly string[];
  readonly token: () => Promise<string>;
}

/** A person waits at the terminal: a few quick tries, then say what is wrong. */
const ATTEMPTS = 3;
export const QUICK_BACKOFF = { baseMs: 200, maxMs: 1_000 };

/** The routes of owners and administrators, one method each; what belongs to a job is in the Explora SDK. */
export class PoolApi {
  readonly #client: ApiClient;

  constructor({ urls, token }: ApiSettings) {
    const headers = async (): Promise<Record<string, string>> => ({
      authorization: `Bearer ${await token()}`,
    });
    this.#client = new ApiClient({ urls, headers, backoff: QUICK_BACKOFF });
  }

  pool(): Promise<PoolStatus> {
    return this.#json({ path: '/v1/pool' });
  }

  async repos(): Promise<readonly RepoRecord[]> {
    return (await this.#json<{ repos: RepoRecord[] }>({ path: '/v1/repos' })).repos;
  }

  createRepo(repo: {
    repoId: string;
    name?: string;
    concurrency?: number;
    maxSlots?: number;
    limits?: Readonly<Record<string, unknown>>;
  }): Promise<RepoRecord> {
    return this.#json({ method: 'POST', path: '/v1/repos', json: repo, idempotent: false });
  }

  repo(repoId: string): Promise<RepoStatus> {
    return this.#json({ path: repoPath(repoId) });
  }

  deleteRepo(repoId: string): Promise<RepoDeleted> {
    return this.#json({ method: 'DELETE', path: repoPath(repoId) });
  }

  createKey(repoId: string, key: { label: string; expiresInMs: number | null }): Promise<KeyCreated> {
    const path = repoPath(repoId, 'keys');
    return this.#json({ method: 'POST', path, json: key, idempotent: false });
  }

  async keys(repoId: string): Promise<readonly KeyView[]> {
    return (await this.#json<{ keys: KeyView[] }>({ path: repoPath(repoId, 'keys') })).keys;
  }

  revokeKey(repoId: string, keyId: string): Promise<{ revoked: true }> {
    return this.#json({ method: 'DELETE', path: repoPath(repoId, 'keys', keyId) });
  }

  revokeTokens(what: { jti: string } | { sub: string; issuedBeforeMs?: number }): Promise<{ revoked: true }> {
    return this.#json({ method: 'POST', path: '/v1/revocations', json: what });
  }

  /** A page of an audit trail, and where the trail ends; `null`: the trail of the pool. */
  audit(
    repoId: string | null,
    { after, limit }: { after: number; limit: number },
  ): Promise<{ head: AuditHead; lines: readonly string[] }> {
    const path = repoId === null ? '/v1/audit' : repoPath(repoId, 'audit');
    const request = { attempts: ATTEMPTS, path: `${path}?after=${after}&limit=${limit}` };
    return this.#client.send(request, async ({ response }) => {
      const [seq = '0', sha256 = ''] = (response.headers.get('Audit-Head') ?? '').split(':');
      const lines = (await response.text()).split('\n').filter((line) => line !== '');
      return { head: { seq: Number(seq), sha256 }, lines };
    });
  }

  async models(repoId: string): Promise<readonly ModelView[]> {
    return (await this.#json<{ models: ModelView[] }>({ path: repoPath(repoId, 'models') })).models;
  }

  /** Asking again for the same changes nothing. */
  evaluate(repoId: string, request: EvaluationRequest): Promise<EvaluationView> {
    return this.#json({ method: 'POST', path: repoPath(repoId, 'evaluations'), json: request });
  }

  evaluation(repoId: string, evaluationId: string): Promise<EvaluationView> {
    return this.#json({ path: repoPath(repoId, 'evaluations', evaluationId) });
  }

  async sessions(repoId: string): Promise<readonly SessionRow[]> {
    return (await this.#json<{ sessions: SessionRow[] }>({ path: repoPath(repoId, 'sessions') })).sessions;
  }

  session(repoId: string, sessionId: string): Promise<SessionView> {
    return this.#json({ path: repoPath(repoId, 'sessions', sessionId) });
  }

  pause(repoId: string, sessionId: string, pause: boolean): Promise<SessionView> {
    const path = `${repoPath(repoId, 'sessions', sessionId)}/${pause ? 'pause' : 'resume'}`;
    return this.#json({ method: 'POST', path, json: {} });
  }

  cancel(repoId: string, sessionId: string, reason: string): Promise<SessionView> {
    const path = `${repoPath(repoId, 'sessions', sessionId)}/cancel`;
    return this.#json({ method: 'POST', path, json: { reason } });
  }

  #json<T>(request: ApiRequest): Promise<T> {
    return this.#client.json({ attempts: ATTEMPTS, ...request });
  }
}

function repoPath(...parts: readonly string[]): string {
  return `/v1/repos/${parts.map(encodeURIComponent).join('/')}`;
}
