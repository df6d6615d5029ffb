import type { ModelRecord } from '../../protocol/model.js';
import type { By } from '../audit/by.js';
import type { GatewayContext } from '../context.js';

/** Uploads a model, in whatever form, with its entry in the Repo's audit trail. */
export function uploadModelAs<T extends ModelRecord>(
  ctx: GatewayContext,
  by: By,
  repoId: string,
  upload: () => Promise<T>,
): Promise<T> {
  return ctx.audit.act(by, { repoId, action: 'model.uploaded' }, upload, ({ modelId, parameters }) => ({
    modelId,
    sha256: parameters.sha256,
  }));
}
