import * as z from 'zod';
import * as ids from './ids.js';

/** Body of `PUT /v1/repos/:repoId/aliases/:alias`. */
export const setAlias = z.strictObject({ modelId: ids.modelId });

/** A name under which others find a model: moved as a whole, so a reader sees the old one or the new one. */
export const aliasRecord = z.strictObject({
  v: z.literal(1),
  alias: ids.alias,
  modelId: ids.modelId,
  setMs: z.int().min(0),
  /** `sub` of the token that set it. */
  setBy: z.string().max(256),
});
export type AliasRecord = z.infer<typeof aliasRecord>;
export type AliasView = Omit<AliasRecord, 'v'>;
