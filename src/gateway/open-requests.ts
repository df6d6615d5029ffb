import type { Server, ServerResponse } from 'node:http';

/** The requests that are being answered now. */
export interface OpenRequests {
  readonly count: number;
}

/** Once draining, each answer is the last on its connection, so that clients move on. */
export function trackRequests(server: Server, draining: AbortSignal): OpenRequests {
  const open = new Set<ServerResponse>();
  server.prependListener('request', (_req, res) => {
    open.add(res);
    if (draining.aborted) res.shouldKeepAlive = false;
    res.once('close', () => open.delete(res));
  });
  draining.addEventListener('abort', () => {
    for (const res of open) if (!res.headersSent) res.shouldKeepAlive = false;
  });
  return {
    get count() {
      return open.size;
    },
  };
}
