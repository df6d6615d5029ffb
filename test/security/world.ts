import { createHmac } from 'node:crypto';
import type { Role } from '../../src/protocol/http.js';
import { encodeFrame } from '../../src/protocol/frame.js';
import { SECRET, type TestGateway } from '../helpers/gateway.js';
import { bytesOf, openRound, ramp } from '../helpers/open-round.js';

/** Not found anywhere: what a walk that must change nothing asks for. */
export const GHOST = 'ghost-of-nothing';

/** A Repo in which everything that a path can name is there. */
export interface Tenant {
  readonly repoId: string;
  readonly apiKey: string;
  readonly keyId: string;
  readonly sessionId: string;
  readonly modelId: string;
  readonly evaluationId: string;
  readonly topologySha256: string;
  /** Of the round that is open, for the Library `ada`. */
  readonly frame: Uint8Array;
}

export interface Credential {
  readonly name: string;
  /** Goes after `Bearer `, or into the socket's `auth`; null: nothing is sent. */
  readonly secret: string | null;
  readonly kind: 'none' | 'broken' | 'token' | 'library';
  readonly role?: Role;
  /** Repos it is good for. */
  readonly repos: readonly string[];
}

export async function tenant(gateway: TestGateway): Promise<Tenant> {
  const { repoId, apiKey, sessionId, modelId, session } = await openRound(gateway, { ada: 5, bob: 5 });
  const keys = (await gateway.json(`/v1/repos/${repoId}/keys`)).body.keys as { keyId: string }[];
  const model = (await gateway.json(`/v1/repos/${repoId}/models/${modelId}`)).body;
  const testSet = encodeFrame({ numExamples: 1, inputShape: [4], labelShape: [] }, bytesOf(ramp(5)));
  await gateway.json(`/v1/repos/${repoId}/test-sets/default`, { method: 'PUT', body: testSet });
  const asked = await gateway.json(`/v1/repos/${repoId}/evaluations`, {
    method: 'POST',
    body: { model: { modelId }, testSetId: 'default' },
  });
  const at = { sessionId, round: session.round?.number ?? 0, attempt: session.round?.attempt ?? 0 };
  return {
    repoId,
    apiKey,
    keyId: keys[0]?.keyId ?? '',
    sessionId,
    modelId,
    evaluationId: asked.body.evaluationId as string,
    topologySha256: model.topologySha256 as string,
    frame: encodeFrame({ ...at, updateId: 'u-1', numExamples: 5 }, bytesOf(ramp())),
  };
}

const b64 = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

/** An HS256 token, made without any library. */
export function jwt(claims: object, { secret = SECRET, lifetimeS = 3_600 } = {}): string {
  const nowS = Math.floor(Date.now() / 1_000);
  const body = `${b64({ alg: 'HS256', typ: 'JWT' })}.${b64({ sub: 'test', iat: nowS, exp: nowS + lifetimeS, ...claims })}`;
  return `${body}.${createHmac('sha256', secret).update(body).digest('base64url')}`;
}

const token = (name: string, role: Role, repos: readonly string[]): Credential => ({
  name,
  secret: jwt({ role, repos }),
  kind: 'token',
  role,
  repos,
});

/** Every kind of credential: none, broken ones, an admin's, and those of both Repos. */
export function credentials(a: Tenant, b: Tenant): Credential[] {
  const broken = (name: string, secret: string): Credential => ({ name, secret, kind: 'broken', repos: [] });
  const of = (name: string, { repoId, apiKey }: Tenant): Credential[] => [
    ...(['owner', 'explora', 'dashboard'] as const).map((role) =>
      token(`${role} of ${name}`, role, [repoId, `${GHOST}-${repoId}`, '*']),
    ),
    { name: `library of ${name}`, secret: apiKey, kind: 'library', repos: [repoId] },
  ];
  const [head = '', , signature = ''] = jwt({ role: 'admin' }).split('.');
  return [
    { name: 'none', secret: null, kind: 'none', repos: [] },
    broken('nonsense', 'nonsense'),
    broken('an unsigned token', `${b64({ alg: 'none' })}.${b64({ sub: 'x', role: 'admin', exp: 4e9 })}.`),
    broken('a forged token', jwt({ role: 'admin' }, { secret: 'somebody else knows this one, 32+' })),
    broken('an altered token', `${head}.${b64({ sub: 'x', role: 'admin', exp: 4e9 })}.${signature}`),
    broken('an expired token', jwt({ role: 'admin' }, { lifetimeS: -3_600 })),
    broken('a role that is none', jwt({ role: 'root', repos: [a.repoId] })),
    broken('a key with a wrong secret', `${a.apiKey.slice(0, -43)}${b.apiKey.slice(-43)}`),
    broken("a key moved to another Repo's name", b.apiKey.replace(b.repoId, a.repoId)),
    token('admin', 'admin', []),
    ...of('A', a),
    ...of('B', b),
  ];
}
