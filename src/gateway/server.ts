import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Express } from 'express';
import type { ModelChecker } from '../keras/check-model.js';
import type { KerasConverter } from '../keras/convert-in-thread.js';
import { createContext, type KernelsOver } from './create-context.js';
import type { GatewayDeps } from './context.js';
import { createApp } from './http/app.js';
import { trackRequests } from './open-requests.js';
import { createSockets } from './socket/io.js';

export interface Gateway {
  listen(): Promise<{ url: string; port: number }>;
  connections(): number;
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
  /** Adds routes that are not the protocol's. */
  readonly routes?: (app: Express) => void;
}

const MAX_RECONNECT_MS = 5_000;
const LOOK_AGAIN_MS = 25;

/** A process of the pool that talks to clients. All that it knows is in the stores: any other answers alike. */
export async function createGateway(deps: GatewayDeps, options: GatewayOptions = {}): Promise<Gateway> {
  const { config } = deps;
  const drainController = new AbortController();
  const { models, keras, kernels } = options;
  const ctx = createContext(deps, { draining: drainController.signal, models, keras, kernels });
  const server = createServer({ keepAliveTimeout: 65_000, requestTimeout: 0 });
  const requests = trackRequests(server, ctx.draining);
  server.on('request', createApp(ctx, options.routes));
  const sockets = await createSockets(server, ctx);
  await ctx.watermark.poll();
  ctx.watermark.start();

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
  };

  return {
    listen: () => listen(server, config),
    connections: () => sockets.connections(),
    drain,
    close: async () => {
      drainController.abort();
      stopListening(server);
      sockets.disconnectAll();
      const closed = sockets.close();
      server.closeAllConnections();
      await closed;
      await ctx.audit.close();
      await ctx.watermark.stop();
      await Promise.all([ctx.models.close(), ctx.keras.close(), ctx.intake.kernels.close()]);
    },
  };
}

async function listen(
  server: Server,
  { HOST, PORT }: { HOST: string; PORT: number },
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
  return { url: `http://${host}:${port}`, port };
}

function stopListening(server: Server): void {
  if (server.listening) server.close();
}
