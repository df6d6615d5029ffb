import { once } from 'node:events';
import type { Request, Response } from 'express';
import * as z from 'zod';
import { POOL_TRAIL, type AuditHead } from '../../protocol/audit.js';
import { parse } from '../../protocol/parse.js';
import { byRequest } from '../audit/by.js';
import type { GatewayContext } from '../context.js';
import type { GuardedApp } from './guarded.js';

const PAGE = 500;
const query = z.strictObject({
  /** Number of the last entry that the reader has. */
  after: z.coerce.number('use a whole number').int().min(0).default(0),
  limit: z.coerce.number('use a whole number').int().min(1).optional(),
});

/** Audit trails as JSON lines, exactly as they were hashed. */
export function auditRoutes(app: GuardedApp, ctx: GatewayContext): void {
  app.get('/v1/audit', async (req, res) => {
    await sendTrail(ctx, { req, res }, null);
  });

  app.get('/v1/repos/:repoId/audit', async (req, res, { repoId }) => {
    await sendTrail(ctx, { req, res }, repoId);
  });
}

async function sendTrail(
  ctx: GatewayContext,
  { req, res }: { req: Request; res: Response },
  repoId: string | null,
): Promise<void> {
  const { after, limit = Infinity } = parse(query, req.query);
  const trail = repoId ?? POOL_TRAIL;
  // Written first, so that the end of what is read says who reads it.
  await ctx.audit.done(byRequest(ctx, req), { repoId, action: 'audit.exported', target: { after } });
  const head = await ctx.stores.audit.head(trail);
  res.set('Content-Type', 'application/x-ndjson').set('Cache-Control', 'no-store');
  res.set('Audit-Head', `${head.seq}:${head.sha256}`);
  for await (const lines of pages(ctx, trail, { after, limit, head })) {
    if (res.destroyed) return;
    if (!res.write(lines)) await Promise.race([once(res, 'drain'), once(res, 'close')]);
  }
  res.end();
}

/** Up to the head that was announced. Entries that are dropped meanwhile break the answer off: it must not have a gap. */
async function* pages(
  ctx: GatewayContext,
  trail: string,
  { after, limit, head }: { after: number; limit: number; head: AuditHead },
): AsyncGenerator<string> {
  let last = after;
  let left = Math.min(limit, head.seq - after);
  let isFirst = true;
  while (left > 0) {
    const lines = await ctx.stores.audit.read(trail, { after: last, limit: Math.min(PAGE, left) });
    const [first] = lines;
    if (first === undefined) throw new Error('The audit trail ends before its head.');
    const { seq } = JSON.parse(first) as { seq: number };
    if (isFirst) left = Math.min(limit, head.seq - seq + 1);
    else if (seq !== last + 1) throw new Error('The audit trail was trimmed while it was read.');
    const page = lines.slice(0, left);
    yield `${page.join('\n')}\n`;
    isFirst = false;
    last = seq + page.length - 1;
    left -= page.length;
  }
}
