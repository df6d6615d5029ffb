import { setMaxListeners } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Express } from 'express';
import type { ModelChecker } from '../keras/check-model.js';
import type { KerasConverter } from '../keras/convert-in-thread.js';
import type { PoolDeps } from '../process/pool-deps.js';
import { createContext, type KernelsOver } from './create-context.js';
import { createApp } from './http/app.js';
import { answerBadRequests } from './limits/refuse-raw.js';
import { endSlowReaders } from './limits/slow-readers.js';
import { legacyRoutes } from './legacy/routes.js';
import { serveLegacy } from './legacy/serve.js';
import { SessionAliases } from './legacy/session-alias.js';
import { trackRequests } from './open-requests.js';
import { createSockets } from './socket/io.js';
import { createWebServer, type TlsSettings } from './tls/web-server.js';

export interface Gateway {
  listen(): Promise<{ url: string; port: number }>;
  /** The public key that it signs with; null: none. */
  readonly poolKey: string | null;
  connections(): number;
  /** Takes over another certificate. @throws Error when it can not be used; the old one stays */
  renewTls(settings: TlsSettings): void;
  /** Takes nothing new, sends the sockets elsewhere, and gives what is in flight time to end. */
  drain(): Promise<void>;
  /** Ends everything at once; what was given to the gateway stays open. */
  close(): Promise<void>;
}

export interface GatewayOptions {
  /** How models are checked; by default in a thread. */
  readonly models?: ModelChecker;
  /** How Keras files are converted; by default in a thread. */
  readonly keras?: KerasConverter;
  /** Where uploads are scanned and folded; by default in a thread. */
  readonly kernels?: KernelsOver;
}

const MAX_RECONNECT_MS = 5_000;
const LOOK_AGAIN_MS = 25;

/** A process of the pool that talks to clients. All that it knows is in the stores: any other answers alike. */
export async function createGateway(deps: PoolDeps, options: GatewayOptions = {}): Promise<Gateway> {
  const { config } = deps;
  const drainController = new AbortController();
  // Whoever follows a session listens to it.
  setMaxListeners(0, drainController.signal);
  const { models, keras, kernels } = options;
  const ctx = createContext(deps, { draining: drainController.signal, models, keras, kernels });
  const web = createWebServer(config, {
    keepAliveTimeout: 65_000,
    maxHeaderSize: config.MAX_HEADER_BYTES,
    headersTimeout: config.HEADER_TIMEOUT_MS,
    connectionsCheckingInterval: Math.min(config.HEADER_TIMEOUT_MS / 2, 5_000),
    // Bodies may take as long as they keep coming: their pace is looked at where they are read.
    requestTimeout: 0,
  });
  const { server, scheme } = web;
  answerBadRequests(server, config);
  ctx.limits.strangers.watch(web);
  ctx.limits.queued.watch(server);
  const isKnown = (socket: Socket): boolean => ctx.limits.strangers.isKnown(socket);
  endSlowReaders(server, { idleMs: config.BODY_IDLE_MS, isKnown });
  const requests = trackRequests(server, ctx.draining);
  const aliases = config.LEGACY ? new SessionAliases(config.AUTH_SECRET ?? null) : null;
  const addRoutes = (app: Express): void => {
    if (aliases !== null) legacyRoutes(app, ctx, aliases);
  };
  server.on('request', createApp(ctx, addRoutes));
  const sockets = await createSockets(server, ctx);
  const legacy = aliases === null ? null : serveLegacy(server, ctx, aliases);
  await ctx.watermark.poll();
  ctx.watermark.start();
  // Nobody gets in by what was revoked before this gateway came.
  await ctx.revocations.refresh();
  ctx.revocations.start();

  const drain = async (): Promise<void> => {
    if (ctx.draining.aborted) return;
    drainController.abort();
    const deadlineMs = performance.now() + config.DRAIN_MS;
    const reconnectWithinMs = Math.min(config.DRAIN_MS / 2, MAX_RECONNECT_MS);
    const leaveByMs = performance.now() + reconnectWithinMs;
    stopListening(server);
    sockets.announceDraining(reconnectWithinMs);
    const isDone = (): boolean =>
      requests.count === 0 && (sockets.connections() === 0 || performance.now() >= leaveByMs);
    while (!isDone() && performance.now() < deadlineMs) {
      server.closeIdleConnections();
      await sleep(LOOK_AGAIN_MS);
    }
    sockets.disconnectAll();
    await legacy?.close();
  };

  return {
    poolKey: ctx.signer?.publicKey ?? null,
    listen: () => listen(server, { ...config, scheme }),
    connections: () => sockets.connections() + (legacy?.connections() ?? 0),
    renewTls: (settings) => web.renew(settings),
    drain,
    close: async () => {
      drainController.abort();
      stopListening(server);
      sockets.disconnectAll();
      await legacy?.close();
      const closed = sockets.close();
      web.endConnections();
      await closed;
      await ctx.audit.close();
      await ctx.watermark.stop();
      await ctx.revocations.stop();
      await Promise.all([ctx.models.close(), ctx.keras.close(), ctx.intake.kernels.close()]);
    },
  };
}

async function listen(
  server: Server,
  { HOST, PORT, scheme }: { HOST: string; PORT: number; scheme: string },
): Promise<{ url: string; port: number }> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(PORT, HOST, () => {
      server.off('error', reject);
      resolve();
    });
  });
  const { port } = server.address() as AddressInfo;
  const isAny = HOST === '0.0.0.0' || HOST === '::';
  const host = isAny ? '127.0.0.1' : HOST.includes(':') ? `[${HOST}]` : HOST;
  return { url: `${scheme}://${host}:${port}`, port };
}

function stopListening(server: Server): void {
  if (server.listening) server.close();
}
