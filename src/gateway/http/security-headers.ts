import type { IncomingMessage, ServerResponse } from 'node:http';
import helmet from 'helmet';

/** Names and values, for every answer. None depends on the request, so Helmet is asked once and not each time. */
export function securityHeaders(): readonly (readonly [name: string, value: string])[] {
  const headers: (readonly [string, string])[] = [];
  const recorder = {
    setHeader: (name: string, value: string) => void headers.push([name, value]),
    removeHeader: () => undefined,
  };
  const set = helmet({
    // Pools without TLS of their own are reached over plain HTTP.
    contentSecurityPolicy: { directives: { upgradeInsecureRequests: null } },
  });
  set({} as IncomingMessage, recorder as unknown as ServerResponse, () => undefined);
  return headers;
}
