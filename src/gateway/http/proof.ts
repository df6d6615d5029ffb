import { CloudNodeError } from '../../protocol/errors.js';
import { askProof } from '../../protocol/proof.js';
import type { GatewayContext } from '../context.js';
import type { GuardedApp } from './guarded.js';
import { readJson } from './read-json.js';

/** Needs only room for two short ids. */
const MAX_BYTES = 1_024;

/** The pool says who it is before a client says who it is: no credentials, and no look at what is stored. */
export function proofRoutes(app: GuardedApp, { signer }: GatewayContext): void {
  app.post('/v1/proof', async (req, res) => {
    const question = await readJson(req, askProof, MAX_BYTES);
    if (signer === null)
      throw new CloudNodeError(
        'route_not_found',
        'This pool has no key (POOL_KEY): it can not prove who it is.',
      );
    res.json(signer.proof(question));
  });
}
