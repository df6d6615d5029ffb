/**
 * Every Redis key, in one place. Grammar: `<prefix>:{<tag>}:…`; keys with one tag live in one cluster slot, and a
 * script touches one tag only. `{<repoId>}` holds a Repo's small state, `{<repoId>:<scope>:<shard>}` the bytes of one
 * shard (so that bytes spread over a cluster), `{~pool}` what belongs to nobody (no Repo id has a tilde), `{~rate:<hash>}`
 * how often one client may ask.
 */
export class Keys {
  readonly prefix: string;

  constructor(prefix: string) {
    this.prefix = prefix;
  }

  // ---- pool-wide registries: written after the fact, repaired by the sweep

  /** set of repoId; lives until the Repo is deleted */
  repos = (): string => `${this.prefix}:{~pool}:repos`;
  /** zset "<repoId>/<sessionId>" → ms when to look at it; lives while the session is active */
  due = (): string => `${this.prefix}:{~pool}:due`;
  /** hash nodeId → NodeRecord; lives while the process reports */
  nodes = (): string => `${this.prefix}:{~pool}:nodes`;
  /** zset nodeId → last report, ms */
  nodesSeen = (): string => `${this.prefix}:{~pool}:nodes:seen`;
  /** hash {sinceMs, untilMs}: when a gateway was there without a break, up to the last report of one; lives for a week after it */
  reachable = (): string => `${this.prefix}:{~pool}:reachable`;
  /** hash "<repoId>/<sessionId>" → RentalRecord; lives while the session is active */
  rentals = (): string => `${this.prefix}:{~pool}:rentals`;
  /** zset "<repoId>/<scope>/<shard>/<name>" → ms when the blob ends; only of bytes that are not in Redis */
  blobsEnding = (): string => `${this.prefix}:{~pool}:blobs:ending`;
  /** zset "<repoId>/<scope>/<shard>/<name>" → ms; blobs that are being deleted because they ended */
  blobsReaped = (): string => `${this.prefix}:{~pool}:blobs:reaped`;
  /** stream of Revocation; an entry lives as long as a token may */
  revocations = (): string => `${this.prefix}:{~pool}:revocations`;
  /** hash {seq, sha256, first}: end and beginning of the pool's audit trail; lives for ever */
  poolAuditHead = (): string => `${this.prefix}:{~pool}:audit:head`;
  /** stream "<seq>-0" → AuditEntry; bounded by AUDIT_MAX_ENTRIES */
  poolAudit = (): string => `${this.prefix}:{~pool}:audit`;
  /** pub/sub channel of hints; at most once, nothing depends on it */
  hints = (): string => `${this.prefix}:hints`;

  // ---- a Repo

  private repo = (repoId: string, rest: string): string => `${this.prefix}:{${repoId}}:${rest}`;
  /** string RepoRecord; lives until the Repo is deleted */
  repoRecord = (repoId: string): string => this.repo(repoId, 'repo');
  /** hash keyId → KeyRecord; lives as long as the Repo */
  apiKeys = (repoId: string): string => this.repo(repoId, 'keys');
  /** hash keyId → when it was used last, ms, to the minute; lives as long as the Repo */
  keyUses = (repoId: string): string => this.repo(repoId, 'keys:used');
  /** hash libraryId → LibraryRecord; lives as long as the Repo */
  libraries = (repoId: string): string => this.repo(repoId, 'libraries');
  /** zset libraryId → last seen, ms */
  presence = (repoId: string): string => this.repo(repoId, 'presence');
  /** zset sessionId → created ms; every session that is kept */
  sessions = (repoId: string): string => this.repo(repoId, 'sessions');
  /** zset sessionId → created ms; sessions that still need a coordinator, in queue order */
  active = (repoId: string): string => this.repo(repoId, 'active');
  /** hash modelId → ModelRecord; lives as long as the Repo */
  models = (repoId: string): string => this.repo(repoId, 'models');
  /** hash alias → AliasRecord; lives as long as the Repo */
  aliases = (repoId: string): string => this.repo(repoId, 'aliases');
  /** string topology JSON, content-addressed; lives as long as the Repo */
  topology = (repoId: string, sha256: string): string => this.repo(repoId, `topology:${sha256}`);
  /** hash testSetId → TestSetRecord; lives as long as the Repo */
  testSets = (repoId: string): string => this.repo(repoId, 'test-sets');
  /** hash evaluationId → EvaluationRecord, "<evaluationId>:outcome" → EvaluationOutcome; the newest 200 */
  evaluations = (repoId: string): string => this.repo(repoId, 'evaluations');

  /** hash {seq, sha256, first}: end and beginning of the audit trail; lives as long as the Repo */
  auditHead = (repoId: string): string => this.repo(repoId, 'audit:head');
  /** stream "<seq>-0" → AuditEntry; lives as long as the Repo, bounded by AUDIT_MAX_ENTRIES */
  audit = (repoId: string): string => this.repo(repoId, 'audit');

  // ---- a session

  private session = (repoId: string, sessionId: string, rest: string): string =>
    this.repo(repoId, `session:${sessionId}${rest}`);
  /** hash {rev, record, round, attempt, roundState, audited}: SessionRecord with its revision; lives until the session is deleted */
  sessionRecord = (repoId: string, sessionId: string): string => this.session(repoId, sessionId, '');
  /** stream of SessionEvent; capped */
  events = (repoId: string, sessionId: string): string => this.session(repoId, sessionId, ':events');
  /** hash version → VersionEntry; lives with the session */
  versions = (repoId: string, sessionId: string): string => this.session(repoId, sessionId, ':versions');
  /** hash round → RoundSummary; lives with the session */
  history = (repoId: string, sessionId: string): string => this.session(repoId, sessionId, ':history');
  /** hash version → Metrics from the evaluator; lives with the session */
  scores = (repoId: string, sessionId: string): string => this.session(repoId, sessionId, ':scores');

  // ---- one attempt at a round; freed when it is over

  private attempt = (a: AttemptRef, rest: string): string =>
    this.session(a.repoId, a.sessionId, `:${a.round}.${a.attempt}:${rest}`);
  /** hash libraryId → AssignmentRecord */
  assignments = (a: AttemptRef): string => this.attempt(a, 'assignments');
  /** list of Receipt; the index is the sequence number */
  receipts = (a: AttemptRef): string => this.attempt(a, 'receipts');
  /** hash shard → "<folded updates>:<blob name of the partial>" */
  folds = (a: AttemptRef): string => this.attempt(a, 'folds');
  /** hash shard → sha256 of the next version's shard; field "lost" when bytes are gone */
  produced = (a: AttemptRef): string => this.attempt(a, 'produced');

  // ---- rates

  /** hash {tokens, ms}: how much may still come in from whoever has this hash; lives until it would be full */
  rate = (kind: string, hash: string): string => `${this.prefix}:{~rate:${hash}}:${kind}`;

  // ---- bytes

  /** string; see blobs/blob-store.ts for names and lifetimes; none when bytes are in an object store */
  blob = (ref: { repoId: string; scope: string; shard: number; name: string }): string =>
    `${this.prefix}:{${ref.repoId}:${ref.scope}:${ref.shard}}:${ref.name}`;

  /** BullMQ prefix of a queue: one hash tag each, so that queues spread over a cluster. */
  queuePrefix = (queue: string): string => `{${this.prefix}:${queue}}`;
}

export interface AttemptRef {
  readonly repoId: string;
  readonly sessionId: string;
  readonly round: number;
  readonly attempt: number;
}
