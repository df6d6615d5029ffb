import { randomUUID } from 'node:crypto';
import type { ErrorRequestHandler, Request, RequestHandler, Response } from 'express';
import { CloudNodeError } from '../../protocol/errors.js';
import { PROTOCOL_VERSION } from '../../protocol/ids.js';
import { metrics } from '../../telemetry/metrics.js';
import { byRequest } from '../audit/by.js';
import { claimedRepo } from '../auth/api-keys.js';
import type { GatewayContext } from '../context.js';
import { toFailure } from '../service/failure.js';
import { answerError } from './answer.js';
import { securityHeaders } from './security-headers.js';

const REQUEST_ID = /^[A-Za-z0-9._-]{1,64}$/;

const CONSTANT = [...securityHeaders(), ['Protocol-Version', String(PROTOCOL_VERSION)] as const];

/** What every answer carries. */
export function setCommonHeaders(req: Request, res: Response): void {
  for (const [name, value] of CONSTANT) res.setHeader(name, value);
  const given = req.headers['x-request-id'];
  res.setHeader('X-Request-Id', typeof given === 'string' && REQUEST_ID.test(given) ? given : randomUUID());
}

/** Counts requests by the template of their route: paths hold ids. */
export function countRequest(req: Request, res: Response): void {
  const startedMs = performance.now();
  res.once('close', () => {
    const labels = { method: req.method, route: template(req), status: String(res.statusCode) };
    metrics.httpRequestSeconds.observe(labels, (performance.now() - startedMs) / 1000);
  });
}

/** Known when a request has been answered; null: no route took it. */
export function routeTemplate(req: Request): string | null {
  return (req.route as { path?: string } | undefined)?.path ?? null;
}

function template(req: Request): string {
  return routeTemplate(req) ?? 'none';
}

export const routeNotFound: RequestHandler = (req) => {
  throw new CloudNodeError('route_not_found', `There is no route ${req.method} ${req.path.slice(0, 200)}.`);
};

/** Turns whatever was thrown into an answer of the error table. */
export function errorHandler(ctx: GatewayContext): ErrorRequestHandler {
  return (reason: unknown, req, res, _next) => {
    const error = isBadUrl(reason)
      ? new CloudNodeError('invalid_request', 'The path is not valid.')
      : toFailure(reason);
    const requestId = res.get('X-Request-Id');
    const entry = { requestId, route: template(req), code: error.code, msgToClient: error.message };
    if (error.code === 'internal') ctx.log.error({ ...entry, err: error.cause }, 'request failed');
    else ctx.log.debug(entry, 'request refused');
    ctx.audit.refused(byRequest(ctx, req), { repoId: namedRepo(req), code: error.code, where: whereOf(req) });
    if (res.headersSent || req.socket.destroyed) {
      // Half an answer must not look like a whole one.
      res.destroy();
      return;
    }
    answerError(req, res, error).catch((problem: unknown) => {
      ctx.log.warn({ requestId, err: (problem as Error).message }, 'answer failed');
      res.destroy();
    });
  };
}

/** The Repo that was asked for, by the path or by the key that was shown: its owner wants to know. */
function namedRepo(req: Request): string | null {
  const inPath = /^\/v1\/repos\/([A-Za-z0-9][A-Za-z0-9._-]{0,63})(?=[/?]|$)/.exec(req.originalUrl)?.[1];
  return inPath ?? claimedRepo(req.get('Authorization') ?? '');
}

function whereOf(req: Request): string {
  return `${req.method} ${template(req)}`;
}

/** A percent sign that escapes nothing. */
function isBadUrl(reason: unknown): boolean {
  return reason instanceof URIError;
}
