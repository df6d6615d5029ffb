import type { Request, Response } from 'express';
import * as z from 'zod';
import type { SessionRecord } from '../../core/session.js';
import type { SignedManifest } from '../../protocol/model.js';
import { parse } from '../../protocol/parse.js';
import { byRequest } from '../audit/by.js';
import type { GatewayContext } from '../context.js';
import { requireAssignedTopology, requireAssignedVersion } from '../service/assigned.js';
import { findParameters, readManifest } from '../service/parameters.js';
import type { GuardedApp } from './guarded.js';
import { sendImmutableJson } from './immutable.js';
import { downloadFormat, sendKerasFile } from './send-keras.js';
import { downloadEncoding, sendWeights } from './send-weights.js';

const params = z.object({ version: z.coerce.number('use a whole number').int().min(0).max(1_000_000) });

/** Model versions, for people and for Libraries. */
export function versionRoutes(app: GuardedApp, ctx: GatewayContext): void {
  const { sessions, models } = ctx.stores;

  const signedManifest = async (record: SessionRecord, version: number): Promise<SignedManifest> => {
    const manifest = await readManifest(ctx, record, version);
    return ctx.signer?.manifest(record.repoId, manifest) ?? manifest;
  };

  const sendVersion = async (
    { req, res }: { req: Request<{ sessionId: string; version: string }>; res: Response },
    repoId: string,
    check: (session: SessionRecord, version: number) => Promise<void> | void,
  ): Promise<void> => {
    const { version } = parse(params, { version: req.params.version });
    const encoding = downloadEncoding(req);
    const { record } = await sessions.get(repoId, req.params.sessionId);
    await check(record, version);
    const parameters = await findParameters(ctx, record, version);
    await sendWeights(ctx, { req, res }, { repoId, parameters }, encoding);
  };

  app.get('/v1/repos/:repoId/sessions/:sessionId/versions/:version', async (req, res, { repoId }) => {
    const { version } = parse(params, req.params);
    const { record } = await sessions.get(repoId, req.params.sessionId);
    const format = downloadFormat(req);
    const manifest = await signedManifest(record, version);
    const file = { repoId, name: `${record.sessionId}-${version}`, model: manifest };
    if (format === undefined) {
      res.json(manifest);
      return;
    }
    const target = { sessionId: record.sessionId, version };
    ctx.audit.read(byRequest(ctx, req), { repoId, action: 'version.downloaded', target });
    await sendKerasFile(ctx, res, { ...file, format });
  });

  app.get('/v1/library/sessions/:sessionId/versions/:version', async (req, res, library) => {
    const { version } = parse(params, { version: req.params.version });
    const { record } = await sessions.get(library.repoId, req.params.sessionId);
    await requireAssignedVersion(ctx, library, record, version);
    res.json(await signedManifest(record, version));
  });

  app.get('/v1/repos/:repoId/sessions/:sessionId/versions/:version/weights', async (req, res, { repoId }) => {
    await sendVersion({ req, res }, repoId, ({ sessionId }, version) => {
      const target = { sessionId, version };
      ctx.audit.read(byRequest(ctx, req), { repoId, action: 'version.downloaded', target });
    });
  });

  app.get('/v1/library/sessions/:sessionId/versions/:version/weights', async (req, res, library) => {
    const check = requireAssignedVersion.bind(null, ctx, library);
    await sendVersion({ req, res }, library.repoId, check);
  });

  app.get('/v1/library/sessions/:sessionId', async (req, res, { repoId }) => {
    const { record } = await sessions.get(repoId, req.params.sessionId);
    const { sessionId, state, version, reason } = record;
    res.json({ sessionId, state, version, reason });
  });

  app.get('/v1/library/topologies/:sha256', async (req, res, library) => {
    const { repoId } = library;
    const { sha256 } = req.params;
    await requireAssignedTopology(ctx, library, sha256);
    sendImmutableJson({ req, res }, { sha256, json: await models.topology(repoId, sha256) });
  });
}
