import type { IncomingHttpHeaders } from 'node:http';
import type { Role } from '../../protocol/http.js';
import { CloudNodeError } from '../../protocol/errors.js';
import { admitKey, admitToken, checkClaims, type Meeting } from '../auth/guard.js';
import { keyCredential, type Credential } from '../auth/revocations.js';
import type { GatewayContext } from '../context.js';
import type { RateKind } from '../limits/rates.js';
import { LegacyError } from './legacy-error.js';

/** Who somebody is, as far as it was shown. */
export interface Admitted {
  readonly repoId: string;
  /** What lets it in, and ends; null: the Repo lets in everybody. */
  readonly credential: Credential | null;
  /** What its messages count for. */
  readonly rate: { readonly kind: RateKind; readonly of: string };
}

export interface Claim {
  /** An API key of a Repo or a token; null when nothing was shown. */
  readonly credential: string | null;
  /** Of the message or the path; without it, the one of the key, or the first label of the host. */
  readonly repoId: string | null;
  /** The request, or the one that a socket began with. */
  readonly from: Meeting;
}

/** What a client may do: a key is a Library's, a token Explora's. */
export type Need = 'library' | 'explora' | 'look';

const ROLES: Readonly<Record<Exclude<Need, 'library'>, readonly Role[]>> = {
  explora: ['owner', 'explora', 'admin'],
  look: ['owner', 'explora', 'dashboard', 'admin'],
};

/**
 * Clients of 2019 have no field for a key: theirs is in the URL (`/legacy/<key>`), or the operator has opened their Repo
 * to everybody (LEGACY_OPEN_REPOS).
 * @throws LegacyError AUTHENTICATION, which does not tell what is wrong
 */
export async function admit(ctx: GatewayContext, claim: Claim, need: Need): Promise<Admitted> {
  const admitted = await look(ctx, claim, need).catch((error: unknown) => {
    if (error instanceof CloudNodeError && !error.retryable) return null;
    throw error;
  });
  if (admitted !== null && (claim.repoId === null || claim.repoId === admitted.repoId)) return admitted;
  throw new LegacyError('AUTHENTICATION', 'API key provided is invalid!');
}

async function look(ctx: GatewayContext, claim: Claim, need: Need): Promise<Admitted | null> {
  const { credential, repoId, from } = claim;
  if (credential === null) {
    const open = repoId ?? from.headers.host?.split(/[.:]/)[0] ?? '';
    const repos = (ctx.config.LEGACY_OPEN_REPOS ?? '').split(',').map((name) => name.trim());
    if (open === '' || !repos.includes(open)) return null;
    await ctx.stores.repos.get(open);
    const rate = { kind: 'key', of: `${open}/everybody` } as const;
    await ctx.limits.admit(from, rate.kind, rate.of);
    return { repoId: open, credential: null, rate };
  }
  if (credential.startsWith('cnk_')) {
    const identity = await admitKey(ctx, from, credential);
    if (need === 'explora') return null;
    const rate = { kind: 'key', of: `${identity.repoId}/${identity.keyId}` } as const;
    return { repoId: identity.repoId, credential: keyCredential(identity), rate };
  }
  if (need === 'library') return null;
  const claims = await admitToken(ctx, from, credential);
  const own = repoId ?? (claims.repos.length === 1 ? (claims.repos[0] ?? '') : '');
  checkClaims(claims, ROLES[need], own);
  await ctx.stores.repos.get(own);
  return { repoId: own, credential: ctx.tokens.credential(claims), rate: { kind: 'token', of: claims.sub } };
}

const IN_PATH = /^\/legacy\/([^/?#]+)([/?#].*)?$/;

/** Takes the credential off the path, where clients have it that know no other place. */
export function splitCredential(url: string): { url: string; credential: string | null } {
  const match = IN_PATH.exec(url);
  if (match === null) return { url, credential: null };
  const rest = match[2] ?? '/';
  return { url: rest.startsWith('/') ? rest : `/${rest}`, credential: decode(match[1] ?? '') };
}

export function bearerOf(headers: IncomingHttpHeaders): string | null {
  return /^(?:Bearer|JWT) +(\S+) *$/i.exec(headers.authorization ?? '')?.[1] ?? null;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
