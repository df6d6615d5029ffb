import express, { type Express } from 'express';
import helmet from 'helmet';
import type { GatewayContext } from '../context.js';
import { auditRoutes } from './audit.js';
import { docsRoutes } from './docs.js';
import { eventRoutes } from './events.js';
import { healthRoutes } from './health.js';
import { keyRoutes } from './keys.js';
import { libraryRoutes } from './library.js';
import { anyOrigin, commonHeaders, countRequests, errorHandler, routeNotFound } from './middleware.js';
import { modelRoutes } from './models.js';
import { poolRoutes } from './pool.js';
import { repoRoutes } from './repos.js';
import { sessionRoutes } from './sessions.js';
import { statusRoutes } from './status.js';
import { testSetRoutes } from './test-sets.js';
import { updateRoutes } from './update.js';
import { versionRoutes } from './versions.js';

const ROUTES = [
  healthRoutes,
  docsRoutes,
  statusRoutes,
  poolRoutes,
  repoRoutes,
  keyRoutes,
  auditRoutes,
  modelRoutes,
  testSetRoutes,
  sessionRoutes,
  eventRoutes,
  versionRoutes,
  libraryRoutes,
  updateRoutes,
];

/** Everything under HTTP; `extra` adds routes that are not the protocol's, such as pages. */
export function createApp(ctx: GatewayContext, extra?: (app: Express) => void): Express {
  const app = express();
  app.set('etag', false);
  app.use(
    helmet({
      crossOriginResourcePolicy: { policy: 'cross-origin' },
      // Pools without TLS of their own are reached over plain HTTP.
      contentSecurityPolicy: { directives: { upgradeInsecureRequests: null } },
    }),
    commonHeaders,
    countRequests,
    anyOrigin,
  );
  for (const addRoutes of ROUTES) addRoutes(app, ctx);
  extra?.(app);
  app.use(routeNotFound);
  app.use(errorHandler(ctx));
  return app;
}
