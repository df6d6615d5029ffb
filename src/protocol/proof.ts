import * as z from 'zod';
import { MAX_SUCCESSORS } from './constants.js';
import * as ids from './ids.js';

/** Chosen by the client, anew for each question: an old answer does not fit. 16 to 64 bytes as base64url. */
export const nonce = z.string().regex(/^[A-Za-z0-9_-]{22,86}$/, 'use 16 to 64 bytes as base64url');

/** Body of `POST /v1/proof`. */
export const askProof = z.strictObject({ repoId: ids.repoId, nonce });

/** Form of POOL_SUCCESSORS. */
export const successorChain = z
  .array(z.strictObject({ statement: z.string(), signature: z.string(), publicKey: z.string() }))
  .max(MAX_SUCCESSORS);
export const successorStatement = z.strictObject({ publicKey: z.string().length(43), notBeforeMs: z.int() });
