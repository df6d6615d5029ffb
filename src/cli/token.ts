import { randomUUID } from 'node:crypto';
import { SignJWT } from 'jose';
import type { Role } from '../protocol/http.js';

export interface TokenRequest {
  readonly secret: string;
  readonly role: Role;
  /** Repos it is good for; `*` for all, with role admin only. */
  readonly repos: readonly string[];
  readonly subject: string;
  readonly expiresInMs: number;
  /** Under which it can be revoked; default: a UUID. */
  readonly jti?: string;
  readonly issuer?: string | undefined;
  readonly audience?: string | undefined;
}

/** A token that every gateway with the same AUTH_SECRET accepts (HS256). */
export async function signToken(request: TokenRequest, nowMs: number = Date.now()): Promise<string> {
  const issuedAt = Math.floor(nowMs / 1_000);
  const jwt = new SignJWT({ role: request.role, repos: [...request.repos] })
    .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
    .setSubject(request.subject)
    .setJti(request.jti ?? randomUUID())
    .setIssuedAt(issuedAt)
    .setExpirationTime(issuedAt + Math.ceil(request.expiresInMs / 1_000));
  if (request.issuer !== undefined) jwt.setIssuer(request.issuer);
  if (request.audience !== undefined) jwt.setAudience(request.audience);
  return jwt.sign(new TextEncoder().encode(request.secret));
}
