import { ROOT_CONTEXT, SpanKind, SpanStatusCode, trace, TraceFlags } from '@opentelemetry/api';
import type { Context, HrTime, SpanContext, Tracer } from '@opentelemetry/api';
import { ExportResultCode, parseKeyPairsIntoRecord, parseTraceParent } from '@opentelemetry/core';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources';
import {
  BasicTracerProvider,
  BatchSpanProcessor,
  RandomIdGenerator,
  type IdGenerator,
  type SpanExporter,
} from '@opentelemetry/sdk-trace-base';
import type { Logger } from './logger.js';
import type { FinishedSpan, SpanRef, SpanSink } from './span.js';
import { PACKAGE_VERSION } from './version.js';

export interface OtlpOptions {
  readonly url: string;
  /** `name=value` with commas, percent-encoded. */
  readonly headers: string;
  readonly role: string;
  readonly nodeId: string;
  readonly log: Logger;
}

const KINDS = { server: SpanKind.SERVER, producer: SpanKind.PRODUCER, consumer: SpanKind.CONSUMER } as const;
/** A collector that is away is complained of so often at most. */
const COMPLAIN_MS = 60_000;

/**
 * Spans to an OTLP collector over HTTP, in batches, in the background. What the collector does not take is dropped: the
 * queue is bounded (OTEL_BSP_MAX_QUEUE_SIZE, 2,048 spans). Sampling, batches, time limits and resource attributes are
 * the standard variables', read by the SDK itself.
 */
export function otlpSink({ url, headers, role, nodeId, log }: OtlpOptions): SpanSink {
  const exporter = new OTLPTraceExporter({ url, headers: parseKeyPairsIntoRecord(headers) });
  const ids = new GivenIds();
  const provider = new BasicTracerProvider({
    resource: resourceFromAttributes({
      'service.name': `cloud-node-${role}`,
      'service.version': PACKAGE_VERSION,
      'service.instance.id': nodeId,
    }).merge(detectResources({ detectors: [envDetector] })),
    idGenerator: ids,
    spanProcessors: [new BatchSpanProcessor(complaining(exporter, log))],
  });
  const tracer = provider.getTracer('cloud-node', PACKAGE_VERSION);
  return {
    record: (span) => record({ tracer, ids }, span),
    parse: (text) => {
      const parent = parseTraceParent(text);
      if (parent === null) return null;
      const { traceId, spanId, traceFlags } = parent;
      return { traceId, spanId, sampled: (traceFlags & TraceFlags.SAMPLED) !== 0 };
    },
    close: () => provider.shutdown(),
  };
}

type Maker = { readonly tracer: Tracer; readonly ids: GivenIds };

function record(maker: Maker, given: FinishedSpan): void {
  const { name, kind, startMs, endMs, self, parent, links = [], attributes = {}, error } = given;
  const context = parent === null ? ROOT_CONTEXT : under(maker, parent);
  if (self !== undefined) maker.ids.next = self;
  const span = maker.tracer.startSpan(
    name,
    {
      kind: kind === undefined ? SpanKind.INTERNAL : KINDS[kind],
      startTime: hrTime(startMs),
      attributes,
      links: links.map((link) => ({ context: contextOf(link, TraceFlags.NONE) })),
      root: parent === null,
    },
    context,
  );
  maker.ids.next = null;
  if (error !== undefined) span.setStatus({ code: SpanStatusCode.ERROR, message: error });
  // Begin and end may come from clocks of two machines.
  span.end(hrTime(Math.max(startMs, endMs)));
}

/** Whether the trace is recorded, if its first span does not say, is decided as it would be for that span. */
function under({ tracer, ids }: Maker, parent: SpanRef): Context {
  if (parent.sampled !== undefined) {
    const flags = parent.sampled ? TraceFlags.SAMPLED : TraceFlags.NONE;
    return trace.setSpanContext(ROOT_CONTEXT, contextOf(parent, flags));
  }
  ids.next = parent;
  // Never ended, so never sent.
  const first = tracer.startSpan('', { root: true });
  ids.next = null;
  return trace.setSpanContext(ROOT_CONTEXT, contextOf(parent, first.spanContext().traceFlags));
}

function contextOf({ traceId, spanId }: SpanRef, traceFlags: TraceFlags): SpanContext {
  return { traceId, spanId, traceFlags, isRemote: true };
}

/** A plain number would be taken for `performance.now()` if it is from before this process. */
function hrTime(ms: number): HrTime {
  return [Math.floor(ms / 1_000), Math.floor((ms % 1_000) * 1e6)];
}

/** Ids that are known before the span is made. */
class GivenIds implements IdGenerator {
  readonly #random = new RandomIdGenerator();
  next: SpanRef | null = null;

  generateTraceId = (): string => this.next?.traceId ?? this.#random.generateTraceId();
  generateSpanId = (): string => this.next?.spanId ?? this.#random.generateSpanId();
}

function complaining(exporter: SpanExporter, log: Logger): SpanExporter {
  let complainedMs = -Infinity;
  return {
    export: (spans, done) =>
      exporter.export(spans, (result) => {
        if (result.code !== ExportResultCode.SUCCESS && performance.now() - complainedMs > COMPLAIN_MS) {
          complainedMs = performance.now();
          log.warn({ err: result.error?.message, spans: spans.length }, 'traces were not taken');
        }
        done(result);
      }),
    forceFlush: () => exporter.forceFlush?.() ?? Promise.resolve(),
    shutdown: () => exporter.shutdown(),
  };
}
