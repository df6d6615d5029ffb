import {
  acceptAssignment,
  declineAssignment,
  failAssignment,
  getAssignment,
  heartbeat,
  join,
  reportProgress,
} from '../../protocol/library.js';
import { parse } from '../../protocol/parse.js';
import { byRequest } from '../audit/by.js';
import type { GatewayContext } from '../context.js';
import { joinLibrary, libraryStatus, settleAssignment } from '../service/library-status.js';
import type { GuardedApp } from './guarded.js';
import { readJson } from './read-json.js';

/** A Library without a socket says so in the place of a connection: nothing ends with it. */
const NO_CONNECTION = 'http';

export function libraryRoutes(app: GuardedApp, ctx: GatewayContext): void {
  const maxBytes = ctx.config.MAX_JSON_BYTES;

  app.post('/v1/library/join', async (req, res, library) => {
    const { datasets, nonce } = await readJson(req, join, maxBytes);
    const status = await joinLibrary(ctx, library, { datasets, nonce, connection: NO_CONNECTION });
    const { repoId, libraryId } = library;
    ctx.audit.library(byRequest(ctx, req), { repoId, action: 'library.joined', target: { libraryId } });
    res.json(status);
  });

  app.post('/v1/library/heartbeat', async (req, res, library) => {
    const { nonce } = await readJson(req, heartbeat, maxBytes);
    await ctx.stores.libraries.touch(library.repoId, [library.libraryId]);
    res.json(await libraryStatus(ctx, library, nonce));
  });

  app.get('/v1/library/assignment', async (req, res, library) => {
    const { nonce } = parse(getAssignment, { nonce: req.query['nonce'] });
    res.json(await libraryStatus(ctx, library, nonce));
  });

  app.post('/v1/library/assignment/accept', async (req, res, library) => {
    const at = await readJson(req, acceptAssignment, maxBytes);
    res.json(await settleAssignment(ctx, library, { ...at, state: 'accepted', reason: '' }));
  });

  app.post('/v1/library/assignment/decline', async (req, res, library) => {
    const change = await readJson(req, declineAssignment, maxBytes);
    res.json(await settleAssignment(ctx, library, { ...change, state: 'declined' }));
  });

  app.post('/v1/library/assignment/fail', async (req, res, library) => {
    const change = await readJson(req, failAssignment, maxBytes);
    res.json(await settleAssignment(ctx, library, { ...change, state: 'failed' }));
  });

  app.post('/v1/library/assignment/progress', async (req, res, { repoId, libraryId }) => {
    const { sessionId, round, epoch, epochs } = await readJson(req, reportProgress, maxBytes);
    ctx.log.debug({ repoId, libraryId, sessionId, round, epoch, epochs }, 'progress');
    res.json({});
  });
}
