import { errors, jwtVerify, type JWTVerifyOptions } from 'jose';
import type { Config } from '../../config/env.js';
import { CloudNodeError } from '../../protocol/errors.js';
import { claims, type Claims } from '../../protocol/http.js';
import { openJwks, PUBLIC_KEY_ALGORITHMS, type JwksTimes } from './jwks.js';
import type { Credential } from './revocations.js';

export type TokenConfig = Pick<
  Config,
  | 'AUTH_SECRET'
  | 'AUTH_SECRET_PREVIOUS'
  | 'AUTH_JWKS_URL'
  | 'AUTH_ISSUER'
  | 'AUTH_AUDIENCE'
  | 'AUTH_CLOCK_TOLERANCE_MS'
  | 'AUTH_MAX_TOKEN_LIFETIME_MS'
>;
type Verify = (token: string) => Promise<{ payload: unknown }>;

/** Verifies the tokens of Explora and Dashboard, by shared secrets or a JWKS. */
export class TokenVerifier {
  readonly #verify: Verify | null;
  readonly #toleranceMs: number;
  readonly #maxLifetimeMs: number;

  constructor(config: TokenConfig, jwksTimes?: JwksTimes) {
    this.#toleranceMs = config.AUTH_CLOCK_TOLERANCE_MS;
    this.#maxLifetimeMs = config.AUTH_MAX_TOKEN_LIFETIME_MS;
    const options: JWTVerifyOptions = {
      clockTolerance: this.#toleranceMs / 1_000,
      requiredClaims: ['exp'],
      ...(config.AUTH_ISSUER === undefined ? {} : { issuer: config.AUTH_ISSUER }),
      ...(config.AUTH_AUDIENCE === undefined ? {} : { audience: config.AUTH_AUDIENCE }),
    };
    this.#verify = createVerify(config, options, jwksTimes);
  }

  /** @throws `unauthenticated`, `jwks_unavailable` */
  async verify(token: string): Promise<Claims> {
    if (this.#verify === null)
      throw new CloudNodeError(
        'unauthenticated',
        'This pool takes no tokens: it has neither AUTH_SECRET nor AUTH_JWKS_URL.',
      );
    try {
      const { payload } = await this.#verify(token);
      const parsed = claims.safeParse(payload);
      if (parsed.success) return this.#checkLifetime(parsed.data);
      const fields = parsed.error.issues.map((issue) => issue.path.join('.')).join(', ');
      throw new CloudNodeError('unauthenticated', `The token's claims are not valid: ${fields}.`);
    } catch (error) {
      throw refusal(error);
    }
  }

  /** What can end before its time. */
  credential({ jti, sub, iat = 0, exp }: Claims): Credential {
    const endsMs = exp * 1_000 + this.#toleranceMs;
    return { kind: 'token', jti: jti ?? null, sub, issuedMs: iat * 1_000, endsMs };
  }

  #checkLifetime(token: Claims): Claims {
    const nowMs = Date.now();
    // One that does not say when it was issued, or says "later", counts from now.
    const issuedMs = token.iat === undefined ? nowMs : token.iat * 1_000;
    const lifetimeMs = token.exp * 1_000 - Math.min(issuedMs, nowMs + this.#toleranceMs);
    if (lifetimeMs <= this.#maxLifetimeMs) return token;
    throw new CloudNodeError(
      'unauthenticated',
      `The token is good for ${Math.round(lifetimeMs)} ms; this pool takes tokens of at most ${this.#maxLifetimeMs} ms (AUTH_MAX_TOKEN_LIFETIME_MS).`,
    );
  }
}

function createVerify(config: TokenConfig, options: JWTVerifyOptions, times?: JwksTimes): Verify | null {
  if (config.AUTH_JWKS_URL !== undefined) {
    const keys = openJwks(config.AUTH_JWKS_URL, times);
    return (token) => jwtVerify(token, keys, { ...options, algorithms: PUBLIC_KEY_ALGORITHMS });
  }
  const { AUTH_SECRET: current, AUTH_SECRET_PREVIOUS: previous } = config;
  if (current === undefined) return null;
  const verifyWith = (secret: string): Verify => {
    const bytes = new TextEncoder().encode(secret);
    return (token) => jwtVerify(token, bytes, { ...options, algorithms: ['HS256'] });
  };
  const verify = verifyWith(current);
  if (previous === undefined) return verify;
  const verifyOld = verifyWith(previous);
  return (token) =>
    verify(token).catch((error: unknown) => {
      if (error instanceof errors.JWSSignatureVerificationFailed) return verifyOld(token);
      throw error;
    });
}

function refusal(error: unknown): unknown {
  if (error instanceof errors.JWTExpired)
    return new CloudNodeError('unauthenticated', 'The token has expired.');
  if (error instanceof errors.JWTClaimValidationFailed)
    return new CloudNodeError('unauthenticated', `The token's claim "${error.claim}" is not valid.`);
  if (error instanceof errors.JOSEError)
    return new CloudNodeError('unauthenticated', 'The token is not valid.', { cause: error });
  return error;
}
