import type { Express, Request, Response } from 'express';
import type { RouteParameters } from 'express-serve-static-core';
import type { Claims } from '../../protocol/http.js';
import * as ids from '../../protocol/ids.js';
import { parse } from '../../protocol/parse.js';
import { ROUTES, type Route, type Who } from '../auth/access.js';
import { checkClaims, readLibrary, readToken } from '../auth/guard.js';
import type { GatewayContext, LibraryIdentity } from '../context.js';
import { traceRepo } from './trace-requests.js';

/** Who a handler works for: a Library, or the holder of a token and the Repo of the path. */
export type Caller<R extends Route> = (typeof ROUTES)[R] extends 'anyone'
  ? null
  : (typeof ROUTES)[R] extends 'library'
    ? LibraryIdentity
    : R extends `${string}/:repoId${string}`
      ? { readonly claims: Claims; readonly repoId: string }
      : { readonly claims: Claims; readonly repoId: null };

type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';
type PathOf<M extends Method, R = Route> = R extends `${M} ${infer Path}` ? Path : never;
type Handler<M extends Method, Path extends string> = (
  req: Request<RouteParameters<Path>>,
  res: Response,
  caller: Caller<`${M} ${Path}` & Route>,
) => unknown;
type Add<M extends Method> = <Path extends PathOf<M>>(path: Path, handler: Handler<M, Path>) => void;

/** Takes the routes of access.ts and no others. */
export interface GuardedApp {
  readonly get: Add<'GET'>;
  readonly post: Add<'POST'>;
  readonly put: Add<'PUT'>;
  readonly delete: Add<'DELETE'>;
}

/** A deletion that broke off is gone on with: the Repo is not found any more then. */
const MAY_BE_GONE: ReadonlySet<string> = new Set<Route>(['DELETE /v1/repos/:repoId']);

/** Routes whose handlers run only for those whom the table lets in. */
export function guardedApp(app: Express, ctx: GatewayContext): GuardedApp {
  const table: Readonly<Record<string, Who>> = ROUTES;
  const add =
    (method: Method) =>
    (path: string, handler: (req: never, res: Response, caller: never) => unknown): void => {
      const route = `${method} ${path}`;
      const who = table[route];
      if (who === undefined) throw new Error(`access.ts does not say who may use ${route}.`);
      app[method.toLowerCase() as Lowercase<Method>](path, async (req, res) => {
        const caller = await readCaller(ctx, req, { who, mayBeGone: MAY_BE_GONE.has(route) });
        traceRepo(req, res, caller?.repoId ?? null);
        await handler(req as never, res, caller as never);
      });
    };
  return { get: add('GET'), post: add('POST'), put: add('PUT'), delete: add('DELETE') };
}

async function readCaller(
  ctx: GatewayContext,
  req: Request,
  { who, mayBeGone }: { who: Who; mayBeGone: boolean },
): Promise<LibraryIdentity | { claims: Claims; repoId: string | null } | null> {
  if (who === 'anyone') return null;
  if (who === 'library') return readLibrary(ctx, req);
  const { params } = req;
  const claims = await readToken(ctx, req);
  const repoId = params['repoId'] === undefined ? null : parse(ids.repoId, params['repoId']);
  checkClaims(claims, who, repoId);
  if (repoId !== null && !mayBeGone) await ctx.stores.repos.get(repoId);
  return { claims, repoId };
}
