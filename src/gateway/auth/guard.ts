import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { CloudNodeError } from '../../protocol/errors.js';
import type { Claims, Role } from '../../protocol/http.js';
import * as ids from '../../protocol/ids.js';
import { keyActor, rememberActor, tokenActor } from '../audit/by.js';
import type { GatewayContext, LibraryIdentity } from '../context.js';
import { requireClientCertificate } from '../tls/client-certificate.js';
import { verifyApiKey } from './api-keys.js';

/** Lets in a token with one of the roles that is good for the Repo (null: whichever). @throws `forbidden`, naming what is needed */
export function checkClaims(claims: Claims, roles: readonly Role[], repoId: string | null): void {
  if (!roles.includes(claims.role)) {
    const names = roles.map((role) => `"${role}"`).join(' or ');
    throw new CloudNodeError('forbidden', `This needs role ${names}; the token has "${claims.role}".`);
  }
  if (repoId !== null && !seesRepo(claims, repoId))
    throw new CloudNodeError('forbidden', `This needs a token for Repo "${repoId}".`);
}

/** Whether the token is good for the Repo, in any role. */
export function seesRepo(claims: Claims, repoId: string): boolean {
  return claims.role === 'admin' || claims.repos.includes(repoId);
}

/** A request, or a handshake. */
export type Meeting = Pick<IncomingMessage, 'headers' | 'socket'>;

/** The claims of a token that is good now. @throws `unauthenticated`, `rate_limited` */
export async function admitToken(ctx: GatewayContext, from: Meeting, token: string): Promise<Claims> {
  const claims = await ctx.tokens.verify(token);
  ctx.revocations.check(ctx.tokens.credential(claims));
  rememberActor(from, tokenActor(claims));
  await ctx.limits.admit(from, 'token', claims.sub);
  return claims;
}

/** Whose the key is, if it is good now. @throws `unauthenticated`, `rate_limited` */
export async function admitKey(
  ctx: GatewayContext,
  from: Meeting,
  apiKey: string,
): Promise<Omit<LibraryIdentity, 'libraryId'>> {
  const identity = await verifyApiKey(ctx.stores.repos, apiKey);
  rememberActor(from, keyActor(identity));
  ctx.keyUse.note(identity.repoId, identity.keyId);
  await ctx.limits.admit(from, 'key', `${identity.repoId}/${identity.keyId}`);
  return identity;
}

/** The claims of the request's token. @throws `unauthenticated`, `rate_limited` */
export async function readToken(ctx: GatewayContext, from: Meeting): Promise<Claims> {
  return admitToken(ctx, from, bearer(from.headers));
}

/** Whose key the request has. @throws `client_certificate_required`, `unauthenticated`, `rate_limited`, `invalid_request` */
export async function readLibrary(ctx: GatewayContext, from: Meeting): Promise<LibraryIdentity> {
  requireClientCertificate(ctx.config, from.socket);
  const identity = await admitKey(ctx, from, bearer(from.headers));
  const libraryId = ids.libraryId.safeParse(from.headers['library-id']);
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
