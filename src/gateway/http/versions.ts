import type { Express } from 'express';
import * as z from 'zod';
import { parse } from '../../protocol/parse.js';
import { READERS, requireLibrary, requireRepo } from '../auth/guard.js';
import type { GatewayContext } from '../context.js';
import { findParameters, readManifest } from '../service/parameters.js';
import { sendImmutableJson, sendParameters } from './send-bytes.js';

const params = z.object({ version: z.coerce.number('use a whole number').int().min(0).max(1_000_000) });

/** Model versions, for people and for Libraries. */
export function versionRoutes(app: Express, ctx: GatewayContext): void {
  const { sessions, models } = ctx.stores;

  app.get('/v1/repos/:repoId/sessions/:sessionId/versions/:version', async (req, res) => {
    const repoId = await requireRepo(ctx, req, READERS);
    const { version } = parse(params, req.params);
    const { record } = await sessions.get(repoId, req.params.sessionId);
    res.json(await readManifest(ctx, record, version));
  });

  app.get('/v1/repos/:repoId/sessions/:sessionId/versions/:version/weights', async (req, res) => {
    const repoId = await requireRepo(ctx, req, READERS);
    const { version } = parse(params, req.params);
    const { record } = await sessions.get(repoId, req.params.sessionId);
    await sendParameters(
      ctx,
      { req, res },
      { repoId, parameters: await findParameters(ctx, record, version) },
    );
  });

  app.get('/v1/library/sessions/:sessionId/versions/:version/weights', async (req, res) => {
    const { repoId } = await requireLibrary(ctx, req);
    const { version } = parse(params, req.params);
    const { record } = await sessions.get(repoId, req.params.sessionId);
    await sendParameters(
      ctx,
      { req, res },
      { repoId, parameters: await findParameters(ctx, record, version) },
    );
  });

  app.get('/v1/library/topologies/:sha256', async (req, res) => {
    const { repoId } = await requireLibrary(ctx, req);
    const { sha256 } = req.params;
    sendImmutableJson({ req, res }, { sha256, json: await models.topology(repoId, sha256) });
  });
}
