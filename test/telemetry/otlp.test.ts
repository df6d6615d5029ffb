import { afterEach, describe, expect, test } from '@jest/globals';
import { parseEnv } from '../../src/config/env.js';
import { createLogger } from '../../src/telemetry/logger.js';
import { otlpSink } from '../../src/telemetry/otlp.js';
import { attemptSpan } from '../../src/telemetry/round-trace.js';
import type { SpanSink } from '../../src/telemetry/span.js';
import { isTracing, startTracing, tracesUrl } from '../../src/telemetry/tracing.js';
import { startOtlpReceiver, type OtlpReceiver } from '../helpers/otlp-receiver.js';

const log = createLogger({ level: 'silent', role: 'test', nodeId: 'test' });
afterEach(() => {
  for (const name of Object.keys(process.env)) if (name.startsWith('OTEL_')) delete process.env[name];
});

function sinkTo({ url }: OtlpReceiver, role: string): SpanSink {
  return otlpSink({ url: `${url}/v1/traces`, headers: '', role, nodeId: role, log });
}

describe('spans to a collector', () => {
  test('of one round are sampled alike in all processes', async () => {
    process.env['OTEL_TRACES_SAMPLER'] = 'parentbased_traceidratio';
    process.env['OTEL_TRACES_SAMPLER_ARG'] = '0.5';
    const receiver = await startOtlpReceiver();
    const sinks = ['gateway', 'coordinator'].map((role) => sinkTo(receiver, role));
    for (let round = 1; round <= 200; round++) {
      const at = { repoId: 'repo', sessionId: 's-1', round, attempt: 1 };
      const times = { startMs: 1_000, endMs: 2_000 };
      sinks[0]?.record({ name: 'update', parent: attemptSpan(at, 'collecting'), ...times });
      sinks[1]?.record({ name: 'round', self: attemptSpan(at), parent: null, ...times });
    }
    for (const sink of sinks) await sink.close();
    const of = (name: string): string[] =>
      receiver.spans.filter((span) => span.name === name).map(({ traceId }) => traceId);
    expect(of('update').sort()).toEqual(of('round').sort());
    expect(of('round').length).toBeGreaterThan(60);
    expect(of('round').length).toBeLessThan(140);
  });

  test('follow what their sender decided, and keep times from before the process and of other clocks', async () => {
    const receiver = await startOtlpReceiver();
    const sink = sinkTo(receiver, 'gateway');
    const parent = (flags: string): ReturnType<SpanSink['parse']> =>
      sink.parse(`00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-${flags}`);
    sink.record({ name: 'wanted', parent: parent('01'), startMs: 1_000, endMs: 500 });
    sink.record({ name: 'unwanted', parent: parent('00'), startMs: 1_000, endMs: 2_000 });
    expect(sink.parse('00-nonsense')).toBeNull();
    await sink.close();
    expect(receiver.spans).toMatchObject([{ name: 'wanted', startMs: 1_000, endMs: 1_000 }]);
  });

  test('are dropped when there are more than the queue holds', async () => {
    process.env['OTEL_BSP_MAX_QUEUE_SIZE'] = '600';
    const receiver = await startOtlpReceiver();
    const sink = sinkTo(receiver, 'gateway');
    for (let i = 0; i < 5_000; i++) sink.record({ name: `${i}`, parent: null, startMs: 0, endMs: 1 });
    await sink.close();
    expect(receiver.spans.length).toBeGreaterThanOrEqual(512);
    expect(receiver.spans.length).toBeLessThanOrEqual(600 + 512);
  });
});

test('goes where the standard variables say, and nowhere without them', async () => {
  const urlWith = (env: Record<string, string>): string | null => tracesUrl(parseEnv(env));
  const base = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://otel:4318/' };
  expect(urlWith({})).toBeNull();
  expect(urlWith(base)).toBe('http://otel:4318/v1/traces');
  expect(urlWith({ ...base, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'https://b/x' })).toBe('https://b/x');
  expect(urlWith({ ...base, OTEL_SDK_DISABLED: 'true' })).toBeNull();
  const end = await startTracing(parseEnv({}), { role: 'test', nodeId: 'test', log });
  expect(isTracing()).toBe(false);
  await end();
});
