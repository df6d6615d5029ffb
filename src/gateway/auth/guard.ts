import type { IncomingHttpHeaders } from 'node:http';
import { CloudNodeError } from '../../protocol/errors.js';
import type { Claims, Role } from '../../protocol/http.js';
import * as ids from '../../protocol/ids.js';
import { parse } from '../../protocol/parse.js';
import { keyActor, rememberActor, tokenActor } from '../audit/by.js';
import type { GatewayContext, LibraryIdentity } from '../context.js';
import { verifyApiKey } from './api-keys.js';

/** Who may do what in a Repo; `admin` may do everything everywhere. */
export const READERS = ['owner', 'explora', 'dashboard'] as const satisfies readonly Role[];
export const WRITERS = ['owner', 'explora'] as const satisfies readonly Role[];
export const OWNERS = ['owner'] as const satisfies readonly Role[];
export const ADMINS = [] as const satisfies readonly Role[];

interface RequestOf<Params> {
  readonly headers: IncomingHttpHeaders;
  readonly params: Params;
}

/** @throws `forbidden`, naming what is needed */
export function checkRole(claims: Claims, need: { repoId: string | null; roles: readonly Role[] }): void {
  if (claims.role === 'admin') return;
  if (!need.roles.includes(claims.role)) {
    const roles = [...need.roles, 'admin'].map((role) => `"${role}"`).join(' or ');
    throw new CloudNodeError('forbidden', `This needs role ${roles}; the token has "${claims.role}".`);
  }
  if (need.repoId !== null && !claims.repos.includes(need.repoId))
    throw new CloudNodeError('forbidden', `This needs a token for Repo "${need.repoId}".`);
}

/** Whether the token is good for the Repo, in any role. */
export function seesRepo(claims: Claims, repoId: string): boolean {
  return claims.role === 'admin' || claims.repos.includes(repoId);
}

/** The claims of the request's token. @throws `unauthenticated`, `forbidden` */
export async function requireRole(
  ctx: GatewayContext,
  request: RequestOf<unknown>,
  need: { repoId: string | null; roles: readonly Role[] },
): Promise<Claims> {
  const claims = await ctx.tokens.verify(bearer(request.headers));
  rememberActor(request, tokenActor(claims));
  checkRole(claims, need);
  return claims;
}

/** The Repo of the route, when the token is good for it. @throws `unauthenticated`, `forbidden`, `repo_not_found` */
export async function requireRepo(
  ctx: GatewayContext,
  request: RequestOf<{ readonly repoId: string }>,
  roles: readonly Role[],
): Promise<string> {
  const repoId = parse(ids.repoId, request.params.repoId);
  await requireRole(ctx, request, { repoId, roles });
  await ctx.stores.repos.get(repoId);
  return repoId;
}

/** @throws `unauthenticated`, `invalid_request` */
export async function requireLibrary(
  ctx: GatewayContext,
  request: RequestOf<unknown>,
): Promise<LibraryIdentity> {
  const identity = await verifyApiKey(ctx.stores.repos, bearer(request.headers));
  rememberActor(request, keyActor(identity));
  const given = request.headers['library-id'];
  const libraryId = ids.libraryId.safeParse(given);
  if (!libraryId.success)
    throw new CloudNodeError(
      'invalid_request',
      'The header "Library-Id" must be the id of the Library: 1 to 128 letters, digits, ".", "_" or "-".',
    );
  return { ...identity, libraryId: libraryId.data };
}

function bearer(headers: IncomingHttpHeaders): string {
  const match = /^Bearer +(\S+) *$/i.exec(headers.authorization ?? '');
  if (match?.[1] === undefined)
    throw new CloudNodeError('unauthenticated', 'The header "Authorization: Bearer …" is missing.');
  return match[1];
}
