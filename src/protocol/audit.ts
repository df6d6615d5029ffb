import * as z from 'zod';

/** What an entry of an audit trail may say was done. docs/security-audit.md lists the same, and a test compares the two. */
export const AUDIT_ACTIONS = {
  'repo.created': 'A Repo was made. In its own trail and in that of the pool.',
  'repo.deleted':
    'A Repo was deleted with all that it held; the target has the counts and the end of its trail. Pool only.',
  'key.created': 'An API key was made.',
  'key.revoked': 'An API key was made invalid.',
  'token.revoked': 'A token, or all tokens of a subject, were made invalid. Pool only.',
  'model.uploaded': 'A model was uploaded.',
  'model.downloaded': 'The weights of a model were read by a person.',
  'model.evaluated': 'Somebody asked for a model or a version to be scored on a test set.',
  'alias.set': 'A name of a model was set or moved.',
  'alias.removed': 'A name of a model was taken away.',
  'test_set.uploaded': 'A test set was uploaded or replaced.',
  'job.submitted': 'A job was submitted.',
  'session.paused': 'Somebody paused a session.',
  'session.resumed': 'Somebody let a paused session go on.',
  'session.cancelled': 'Somebody cancelled a session.',
  'session.started': 'A session left the queue: Libraries are asked from here on.',
  'session.ended': 'A session ended; the target says how, and at which version.',
  'version.downloaded': 'The weights of a version of a session were read by a person.',
  'library.joined': 'A Library joined with a key.',
  'update.received': 'An update of a Library was counted in a session.',
  'request.refused': 'Credentials were refused, or did not allow what was asked for.',
  'audit.exported': 'A trail was read.',
  'trail.trimmed':
    'The oldest entries were dropped because the trail is full; the target has the hash of the last of them.',
} as const;
export type AuditAction = keyof typeof AUDIT_ACTIONS;

/** The trail of what belongs to no Repo; no Repo id has a tilde. */
export const POOL_TRAIL = '~pool';
/** What the first entry of a trail says of the one before it. */
export const NO_SHA256 = '0'.repeat(64);

const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'use 64 hexadecimal digits');
const word = (max: number): z.ZodString => z.string().min(1).max(max);

export const ACTOR_KINDS = ['token', 'key', 'pool', 'nobody'] as const;
/** Who did it: the subject of a token, the id of an API key, a process of the pool, or nobody who was let in. */
export const auditActor = z.strictObject({
  kind: z.enum(ACTOR_KINDS),
  id: z.string().max(256),
  /** Of a token. */
  role: word(32).nullable(),
});
export type AuditActor = z.infer<typeof auditActor>;

/** Ids, counts and hashes: never a secret, a name of a person or free text. */
const auditTarget = z.record(word(64), z.union([z.string().max(256), z.int()]));
export type AuditTarget = z.infer<typeof auditTarget>;

/** An action is not checked against the table: a trail outlives the release that wrote it. */
export const auditEntry = z.strictObject({
  v: z.literal(1),
  /** Repo id, or `~pool`. */
  trail: word(64),
  /** From 1, without gaps. */
  seq: z.int().min(1),
  /** By the clock of Redis, ms. */
  atMs: z.int().min(0),
  action: word(64),
  actor: auditActor,
  /** Where it came from; null: from inside the pool. */
  address: word(64).nullable(),
  target: auditTarget,
  /** `ok`, or the code of the error. */
  result: word(64),
  /** How often, where the same is written only now and then. */
  count: z.int().min(1),
  prevSha256: sha256,
  /** Of the canonical JSON of all other fields. */
  sha256,
});
export type AuditEntry = z.infer<typeof auditEntry>;

export interface AuditHead {
  /** Of the last entry; 0: there is none. */
  readonly seq: number;
  readonly sha256: string;
}

/** JSON with sorted keys and no spaces (RFC 8785 for what an entry may hold): the same text whoever writes it. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const fields = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${fields.map(([key, inner]) => `${JSON.stringify(key)}:${canonicalJson(inner)}`).join(',')}}`;
}

/** The text that the hash of an entry is of. */
export function hashedText({
  sha256: _,
  ...entry
}: AuditEntry | (Omit<AuditEntry, 'sha256'> & { sha256?: string })): string {
  return canonicalJson(entry);
}
