import type { Config } from '../config/env.js';
import type { Logger } from './logger.js';
import type { FinishedSpan, SpanRef, SpanSink } from './span.js';

/** How long the last spans may take at the end of a process: nobody waits for a collector. */
const CLOSE_WITHIN_MS = 2_000;

/** Null, which is usual: there is nobody to tell, and spans are not even made. */
let sink: SpanSink | null = null;

/** Whether spans go anywhere. Ask before you make one. */
export function isTracing(): boolean {
  return sink !== null;
}

export function recordSpan(span: FinishedSpan): void {
  sink?.record(span);
}

export function parseTraceparent(text: string | undefined): SpanRef | null {
  return text === undefined ? null : (sink?.parse(text) ?? null);
}

export function formatTraceparent({ traceId, spanId }: SpanRef): string {
  return `00-${traceId}-${spanId}-01`;
}

/** Where spans go by the configuration; null: nowhere. */
export function tracesUrl(config: Config): string | null {
  const { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: url, OTEL_EXPORTER_OTLP_ENDPOINT: base } = config;
  if (config.OTEL_SDK_DISABLED) return null;
  return url ?? (base === undefined ? null : `${base.replace(/\/+$/, '')}/v1/traces`);
}

/**
 * Sends spans to the collector that is configured, from now on. Without one nothing is loaded.
 * @returns what ends it, within two seconds, whether or not the collector answers
 */
export async function startTracing(
  config: Config,
  process: { readonly role: string; readonly nodeId: string; readonly log: Logger },
): Promise<() => Promise<void>> {
  const url = tracesUrl(config);
  if (url === null) return () => Promise.resolve();
  const { otlpSink } = await import('./otlp.js');
  const opened = otlpSink({ url, headers: config.OTEL_EXPORTER_OTLP_HEADERS ?? '', ...process });
  sink = opened;
  return async () => {
    sink = null;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, CLOSE_WITHIN_MS);
    });
    // Spans that were not taken have a line already.
    const closed = opened.close().catch(() => undefined);
    await Promise.race([closed, late]).finally(() => clearTimeout(timer));
  };
}
