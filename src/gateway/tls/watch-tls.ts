import { X509Certificate } from 'node:crypto';
import type { Logger } from '../../telemetry/logger.js';
import { repeat } from '../../telemetry/repeat.js';
import type { TlsSettings } from './web-server.js';

export interface TlsWatch {
  /** Reads the settings anew. */
  readonly read: () => TlsSettings;
  /** @throws Error when they can not be used */
  readonly renew: (settings: TlsSettings) => void;
  readonly log: Logger;
  readonly everyMs: number;
}

/**
 * Takes over a certificate that was replaced: looks now and then, and at SIGHUP. Files are read rather than watched, since
 * what mounts secrets exchanges folders. Each new content is tried once: between two files that belong together there
 * is a moment in which they do not.
 */
export function watchTls({ read, renew, log, everyMs }: TlsWatch): { stop(): Promise<void> } {
  let seen = textOf(read());
  const look = (): Promise<void> => {
    const settings = read();
    const text = textOf(settings);
    if (text !== seen) {
      seen = text;
      renew(settings);
      log.info({ validTo: validTo(settings) }, 'certificate renewed');
    }
    return Promise.resolve();
  };
  const failed = (error: unknown): void =>
    log.error({ err: (error as Error).message }, 'certificate not renewed, the old one stays');
  const now = (): void => void Promise.resolve().then(look).catch(failed);
  const looking = repeat(everyMs, async () => look(), failed);
  process.on('SIGHUP', now);
  return {
    stop: async () => {
      process.off('SIGHUP', now);
      await looking.stop();
    },
  };
}

/** When the certificate ends. */
export function validTo({ TLS_CERT }: TlsSettings): string | null {
  return TLS_CERT === undefined ? null : new X509Certificate(TLS_CERT).validTo;
}

function textOf({ TLS_CERT, TLS_KEY, TLS_CLIENT_CA }: TlsSettings): string {
  return JSON.stringify([TLS_CERT, TLS_KEY, TLS_CLIENT_CA]);
}
