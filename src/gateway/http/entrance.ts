import type { Express, RequestHandler } from 'express';
import { isTracing } from '../../telemetry/tracing.js';
import type { GatewayContext } from '../context.js';
import { cors, Origins } from './cors.js';
import { countRequest, setCommonHeaders } from './middleware.js';
import { traceRequest } from './trace-requests.js';

/** What every request goes through, whatever it asks for: in one layer of Express, since each costs time of its own. */
export function entrance(app: Express, { config, limits }: GatewayContext): RequestHandler {
  const origins = new Origins(config.CORS_ORIGINS);
  // Known when a gateway starts: without traces no request is asked.
  const traces = isTracing();
  return (req, res, next) => {
    // Their prototypes are those of all gateways of a process.
    req.app = res.app = app;
    setCommonHeaders(req, res);
    countRequest(req, res);
    if (cors(origins, req, res)) return;
    const enter = (): void => {
      // Who sends too much makes no spans.
      if (traces) traceRequest(req, res);
      next();
    };
    const counted = limits.meetRequest(req);
    if (counted === null) enter();
    else counted.then(enter, next);
  };
}
