import type { Express, Request, Response } from 'express';
import * as z from 'zod';
import { parse } from '../../protocol/parse.js';
import { byRequest } from '../audit/by.js';
import { READERS, requireLibrary, requireRepo } from '../auth/guard.js';
import type { GatewayContext } from '../context.js';
import { findParameters, readManifest } from '../service/parameters.js';
import { sendImmutableJson } from './immutable.js';
import { downloadEncoding, sendWeights } from './send-weights.js';

const params = z.object({ version: z.coerce.number('use a whole number').int().min(0).max(1_000_000) });

/** Model versions, for people and for Libraries. */
export function versionRoutes(app: Express, ctx: GatewayContext): void {
  const { sessions, models } = ctx.stores;

  const sendVersion = async (
    repoId: string,
    req: Request<{ sessionId: string; version: string }>,
    res: Response,
  ): Promise<void> => {
    const { version } = parse(params, { version: req.params.version });
    const encoding = downloadEncoding(req);
    const { record } = await sessions.get(repoId, req.params.sessionId);
    const parameters = await findParameters(ctx, record, version);
    await sendWeights(ctx, { req, res }, { repoId, parameters }, encoding);
  };

  app.get('/v1/repos/:repoId/sessions/:sessionId/versions/:version', async (req, res) => {
    const repoId = await requireRepo(ctx, req, READERS);
    const { version } = parse(params, req.params);
    const { record } = await sessions.get(repoId, req.params.sessionId);
    res.json(await readManifest(ctx, record, version));
  });

  app.get('/v1/repos/:repoId/sessions/:sessionId/versions/:version/weights', async (req, res) => {
    const repoId = await requireRepo(ctx, req, READERS);
    const { sessionId } = req.params;
    const { version } = parse(params, { version: req.params.version });
    const target = { sessionId, version };
    await sessions.get(repoId, sessionId);
    ctx.audit.read(byRequest(req), { repoId, action: 'version.downloaded', target });
    await sendVersion(repoId, req, res);
  });

  app.get('/v1/library/sessions/:sessionId/versions/:version/weights', async (req, res) => {
    const { repoId } = await requireLibrary(ctx, req);
    await sendVersion(repoId, req, res);
  });

  app.get('/v1/library/topologies/:sha256', async (req, res) => {
    const { repoId } = await requireLibrary(ctx, req);
    const { sha256 } = req.params;
    sendImmutableJson({ req, res }, { sha256, json: await models.topology(repoId, sha256) });
  });
}
