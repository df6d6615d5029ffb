import { randomBytes } from 'node:crypto';
import type { Request, Response } from 'express';
import * as ids from '../../protocol/ids.js';
import type { RequestTrace } from '../../telemetry/round-trace.js';
import { parseTraceparent, recordSpan } from '../../telemetry/tracing.js';
import { routeTemplate } from './middleware.js';

/** Asked for all the time, by machines. */
const UNTOLD = new Set(['/livez', '/readyz', '/metrics']);

/** A span of each request, named by the template of its route, in the trace of its sender if it says one. */
export function traceRequest(req: Request, res: Response): void {
  if (UNTOLD.has(req.path)) return;
  const parent = parseTraceparent(req.get('traceparent'));
  const traceId = parent?.traceId ?? randomBytes(16).toString('hex');
  const self = { traceId, spanId: randomBytes(8).toString('hex') };
  const request: RequestTrace = { self, links: [], attributes: {} };
  res.locals['trace'] = request;
  const startMs = Date.now();
  res.once('close', () => {
    const route = routeTemplate(req);
    const { method } = req;
    recordSpan({
      name: route === null ? method : `${method} ${route}`,
      kind: 'server',
      startMs,
      endMs: Date.now(),
      self,
      parent,
      links: request.links,
      attributes: {
        'http.request.method': method,
        ...(route !== null && { 'http.route': route }),
        // Not if the connection ended before.
        ...(res.headersSent && { 'http.response.status_code': res.statusCode }),
        ...request.attributes,
      },
      error: res.statusCode >= 500 ? String(res.statusCode) : undefined,
    });
  });
}

/** The trace of a request that is being answered; undefined: there is none. */
export function requestTrace(res: Response): RequestTrace | undefined {
  return res.locals['trace'] as RequestTrace | undefined;
}

/** Whose request it is, once that is certain. */
export function traceRepo(req: Request, res: Response, repoId: string | null): void {
  const request = requestTrace(res);
  if (request === undefined) return;
  if (repoId !== null) request.attributes['cloud_node.repo'] = repoId;
  const { data: sessionId } = ids.sessionId.safeParse(req.params['sessionId']);
  if (sessionId !== undefined) request.attributes['cloud_node.session'] = sessionId;
}
