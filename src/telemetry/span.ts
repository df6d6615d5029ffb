/** Which span: ids in hex, as W3C Trace Context has them. */
export interface SpanRef {
  readonly traceId: string;
  readonly spanId: string;
  /** Whether its trace is recorded; undefined: the sampler says, by the trace id. */
  readonly sampled?: boolean;
}

export type Attributes = Record<string, string | number | boolean>;

/** A span that is over: nothing is told before, so that a process which dies leaves no half ones. */
export interface FinishedSpan {
  readonly name: string;
  readonly kind?: 'server' | 'producer' | 'consumer';
  readonly startMs: number;
  readonly endMs: number;
  /** Where others look for it; by default it gets ids of its own. */
  readonly self?: SpanRef;
  /** Null: it begins its trace. */
  readonly parent: SpanRef | null;
  readonly links?: readonly SpanRef[];
  readonly attributes?: Attributes;
  /** Why it failed. */
  readonly error?: string | undefined;
}

/** What takes the spans; see otlp.ts. */
export interface SpanSink {
  record(span: FinishedSpan): void;
  /** A `traceparent` of W3C Trace Context; null when it is none. */
  parse(traceparent: string): SpanRef | null;
  /** Sends what is left. */
  close(): Promise<void>;
}
