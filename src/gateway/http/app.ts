import express, { type Express } from 'express';
import type { GatewayContext } from '../context.js';
import { aliasRoutes } from './aliases.js';
import { assignmentCountRoutes } from './assignment-counts.js';
import { dashboardPage } from './dashboard-page.js';
import { auditRoutes } from './audit.js';
import { docsAssets, docsRoutes } from './docs.js';
import { entrance } from './entrance.js';
import { evaluationRoutes } from './evaluations.js';
import { eventRoutes } from './events.js';
import { guardedApp } from './guarded.js';
import { healthRoutes } from './health.js';
import { keyRoutes } from './keys.js';
import { libraryRoutes } from './library.js';
import { keepMessages } from './messages.js';
import { errorHandler, routeNotFound } from './middleware.js';
import { modelRoutes } from './models.js';
import { poolRoutes } from './pool.js';
import { proofRoutes } from './proof.js';
import { repoRoutes } from './repos.js';
import { revocationRoutes } from './revocations.js';
import { sessionRoutes } from './sessions.js';
import { statusRoutes } from './status.js';
import { testSetRoutes } from './test-sets.js';
import { updateRoutes } from './update.js';
import { versionRoutes } from './versions.js';

/** Looked through from the first on for each request: what Libraries ask all day stands in front. */
const ROUTES = [
  updateRoutes,
  versionRoutes,
  libraryRoutes,
  healthRoutes,
  docsRoutes,
  statusRoutes,
  poolRoutes,
  proofRoutes,
  repoRoutes,
  keyRoutes,
  revocationRoutes,
  auditRoutes,
  modelRoutes,
  aliasRoutes,
  testSetRoutes,
  evaluationRoutes,
  sessionRoutes,
  assignmentCountRoutes,
  eventRoutes,
];

/** Everything under HTTP; `extra` adds routes that are not the protocol's, such as pages. */
export function createApp(ctx: GatewayContext, extra?: (app: Express) => void): Express {
  const app = express();
  keepMessages(app);
  app.disable('etag').disable('x-powered-by');
  app.locals['pace'] = { idleMs: ctx.config.BODY_IDLE_MS, minBytesPerSecond: ctx.config.BODY_MIN_BYTES };
  app.use(entrance(app, ctx));
  const guarded = guardedApp(app, ctx);
  for (const addRoutes of ROUTES) addRoutes(guarded, ctx);
  docsAssets(app);
  extra?.(app);
  app.use(dashboardPage());
  app.use(routeNotFound);
  app.use(errorHandler(ctx));
  return app;
}
