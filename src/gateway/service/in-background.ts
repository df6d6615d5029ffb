import type { GatewayContext } from '../context.js';

/** For hints: nobody waits for them, and one that fails costs time only. */
export function inBackground(ctx: GatewayContext, what: string, work: Promise<unknown>): void {
  work.catch((error: unknown) => ctx.log.warn({ what, err: (error as Error).message }, 'hint failed'));
}
