import { METRICS_CONTENT_TYPE, metricsText } from '../../telemetry/metrics.js';
import type { GatewayContext } from '../context.js';
import type { GuardedApp } from './guarded.js';

const READY_WITHIN_MS = 2_000;

export function healthRoutes(app: GuardedApp, ctx: GatewayContext): void {
  app.get('/livez', (_req, res) => {
    res.type('text/plain').send('ok\n');
  });

  app.get('/readyz', async (_req, res) => {
    const isReady = !ctx.draining.aborted && (await redisAnswers(ctx));
    res
      .status(isReady ? 200 : 503)
      .type('text/plain')
      .send(isReady ? 'ok\n' : 'not ready\n');
  });

  app.get('/metrics', async (_req, res) => {
    res.set('Content-Type', METRICS_CONTENT_TYPE).send(await metricsText());
  });
}

async function redisAnswers(ctx: GatewayContext): Promise<boolean> {
  const late = new Promise<boolean>((resolve) => setTimeout(resolve, READY_WITHIN_MS, false).unref());
  const ping = ctx.stores.context.redis.ping().then(
    () => true,
    () => false,
  );
  return Promise.race([ping, late]);
}
