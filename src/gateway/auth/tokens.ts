import { createRemoteJWKSet, errors, jwtVerify, type JWTVerifyOptions } from 'jose';
import { CloudNodeError } from '../../protocol/errors.js';
import { claims, type Claims } from '../../protocol/http.js';

export interface TokenConfig {
  readonly AUTH_SECRET?: string | undefined;
  readonly AUTH_JWKS_URL?: string | undefined;
  readonly AUTH_ISSUER?: string | undefined;
  readonly AUTH_AUDIENCE?: string | undefined;
}

const CLOCK_TOLERANCE_S = 60;
/** Never an HMAC with a public key set: whoever knows the public key could sign. */
const PUBLIC_KEY_ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'EdDSA',
];

/** Verifies the tokens of Explora and Dashboard, by a shared secret or a JWKS. */
export class TokenVerifier {
  readonly #verify: ((token: string) => Promise<{ payload: unknown }>) | null;

  constructor(config: TokenConfig) {
    const options: JWTVerifyOptions = {
      clockTolerance: CLOCK_TOLERANCE_S,
      requiredClaims: ['exp'],
      ...(config.AUTH_ISSUER === undefined ? {} : { issuer: config.AUTH_ISSUER }),
      ...(config.AUTH_AUDIENCE === undefined ? {} : { audience: config.AUTH_AUDIENCE }),
    };
    this.#verify = createVerify(config, options);
  }

  /** @throws `unauthenticated` */
  async verify(token: string): Promise<Claims> {
    if (this.#verify === null)
      throw new CloudNodeError(
        'unauthenticated',
        'This pool takes no tokens: it has neither AUTH_SECRET nor AUTH_JWKS_URL.',
      );
    try {
      const { payload } = await this.#verify(token);
      const parsed = claims.safeParse(payload);
      if (parsed.success) return parsed.data;
      const fields = parsed.error.issues.map((issue) => issue.path.join('.')).join(', ');
      throw new CloudNodeError('unauthenticated', `The token's claims are not valid: ${fields}.`);
    } catch (error) {
      throw refusal(error);
    }
  }
}

function createVerify(
  config: TokenConfig,
  options: JWTVerifyOptions,
): ((token: string) => Promise<{ payload: unknown }>) | null {
  if (config.AUTH_JWKS_URL !== undefined) {
    const keys = createRemoteJWKSet(new URL(config.AUTH_JWKS_URL));
    return (token) => jwtVerify(token, keys, { ...options, algorithms: PUBLIC_KEY_ALGORITHMS });
  }
  if (config.AUTH_SECRET === undefined) return null;
  const secret = new TextEncoder().encode(config.AUTH_SECRET);
  return (token) => jwtVerify(token, secret, { ...options, algorithms: ['HS256'] });
}

function refusal(error: unknown): unknown {
  if (error instanceof errors.JWTExpired)
    return new CloudNodeError('unauthenticated', 'The token has expired.');
  if (error instanceof errors.JWTClaimValidationFailed)
    return new CloudNodeError('unauthenticated', `The token's claim "${error.claim}" is not valid.`);
  // The key set could not be fetched: no fault of the token.
  if (error instanceof errors.JWKSTimeout || error instanceof TypeError) return error;
  if (error instanceof errors.JOSEError)
    return new CloudNodeError('unauthenticated', 'The token is not valid.', { cause: error });
  return error;
}
