import { describe, expect, test } from '@jest/globals';
import { denseModel } from '../../bench/lib/dense-model.js';
import { eventually } from '../helpers/eventually.js';
import { startOtlpReceiver, type OtlpReceiver, type ReceivedSpan } from '../helpers/otlp-receiver.js';
import { POOL_SECRET, startPool, type TestPool } from '../helpers/pool.js';

/** No names that an id in hex may happen to have in it. */
const LIBRARIES = { 'library-ada': 5, 'library-ben': 7, 'library-cyd': 2 };

/** Two rounds of a model whose updates are too large for the socket. */
async function twoRounds(pool: TestPool): Promise<{ repoId: string; apiKey: string; sessionId: string }> {
  const { repoId, apiKey, explora } = await pool.repo();
  const { modelId } = await explora.uploadModel(denseModel(300, 300));
  for (const [libraryId, numExamples] of Object.entries(LIBRARIES))
    await pool.library({ apiKey, libraryId, numExamples }).join();
  const session = await explora.submit({
    modelId,
    hyperparams: { batchSize: 1 },
    selection: { type: 'all', goal: 3 },
    continuation: { value: 1 },
    evaluation: { on: 'none' },
    termination: { maxRounds: 2 },
  });
  await session.result();
  return { repoId, apiKey, sessionId: session.sessionId };
}

/** Sends what is left. */
async function endAll(pool: TestPool): Promise<void> {
  await Promise.all(pool.nodes.map(async (node) => expect(await node.stop()).toBe('SIGTERM')));
}

/** A span and all below it as text, children in order of their names. */
function tree(spans: readonly ReceivedSpan[], span: ReceivedSpan, depth = 0): string[] {
  const children = spans.filter((one) => one.parentSpanId === span.spanId);
  const below = [...new Set(children.map((child) => tree(spans, child, depth + 1).join('\n')))].sort();
  return [`${'  '.repeat(depth)}${span.name} (${span.service.replace('cloud-node-', '')})`, ...below];
}

describe('a pool with a collector of traces', () => {
  let receiver: OtlpReceiver;

  test('shows each round as one trace, across processes', async () => {
    receiver = await startOtlpReceiver();
    const pool = await startPool({
      env: {
        OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
        OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20collectors-own',
        SHARD_PARAMS: '30000',
        LOG_LEVEL: 'info',
      },
    });
    const mine = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331' };
    await pool.fetch('/v1/pool', { headers: { traceparent: `00-${mine.traceId}-${mine.spanId}-01` } });
    const { repoId, apiKey, sessionId } = await twoRounds(pool);
    await endAll(pool);

    const { spans } = receiver;
    const rounds = spans.filter(({ name }) => name === 'round');
    expect(rounds.map(({ attributes }) => attributes['cloud_node.round'])).toEqual([1, 2]);
    expect(new Set(rounds.map(({ traceId }) => traceId)).size).toBe(2);
    for (const [i, root] of rounds.entries()) {
      expect(root.attributes).toMatchObject({
        'cloud_node.repo': repoId,
        'cloud_node.session': sessionId,
        'cloud_node.attempt': 1,
        'cloud_node.updates': 3,
      });
      const inTrace = spans.filter(({ traceId }) => traceId === root.traceId);
      // Nothing hangs in the air: everything in the trace is somewhere below its first span.
      const known = new Set(inTrace.map(({ spanId }) => spanId));
      expect(inTrace.filter(({ parentSpanId }) => !known.has(parentSpanId))).toEqual([root]);
      const text = tree(inTrace, root).join('\n');
      expect(text.split('\n')).toEqual(
        expect.arrayContaining([
          'round (coordinator)',
          '  reconcile to collecting (coordinator)',
          '  reconcile to closing (coordinator)',
          '  reconcile to published (coordinator)',
          '  round.collecting (coordinator)',
          '    update (gateway)',
          '    process coordinate (coordinator)',
          '  round.closing (coordinator)',
          '    enqueue aggregate (aggregator)',
          '    process aggregate (aggregator)',
        ]),
      );
      const [collecting] = inTrace.filter(({ name }) => name === 'round.collecting');
      const [closing] = inTrace.filter(({ name }) => name === 'round.closing');
      expect([collecting?.startMs, collecting?.endMs, closing?.endMs]).toEqual([
        root.startMs,
        closing?.startMs,
        root.endMs,
      ]);
      const updates = inTrace.filter(({ name }) => name === 'update');
      expect(updates).toHaveLength(3);
      for (const update of updates) {
        const [link] = update.links;
        const request = spans.find(({ spanId }) => spanId === link?.spanId);
        expect(request).toMatchObject({
          name: 'PUT /v1/library/update',
          service: 'cloud-node-gateway',
          links: [{ traceId: update.traceId, spanId: update.spanId }],
        });
        expect(request?.attributes).toMatchObject({
          'http.route': '/v1/library/update',
          'http.response.status_code': 200,
          'cloud_node.repo': repoId,
        });
      }
      const line = pool.nodes
        .flatMap((node) => node.lines)
        .find((one) => one.includes('"to":"published"') && one.includes(`"round":${i + 1}`));
      expect(JSON.parse(line ?? '{}')).toMatchObject({ traceId: root.traceId });
    }
    const [session] = spans.filter(({ name }) => name === 'session');
    expect(session?.attributes).toMatchObject({ 'cloud_node.state': 'completed', 'cloud_node.version': 2 });
    expect(rounds.flatMap(({ links }) => links.map(({ spanId }) => spanId))).toEqual([
      session?.spanId,
      session?.spanId,
    ]);
    expect(spans.find(({ traceId }) => traceId === mine.traceId)).toMatchObject({
      name: 'GET /v1/pool',
      parentSpanId: mine.spanId,
    });
    expect(spans.filter(({ isError }) => isError)).toEqual([]);

    const said = receiver.requests.map(({ text }) => text).join('\n');
    const secret = apiKey.split('.').at(-1) ?? apiKey;
    for (const kept of [secret, POOL_SECRET, 'Bearer', ...Object.keys(LIBRARIES)])
      expect([kept, said.includes(kept)]).toEqual([kept, false]);
    for (const { headers } of receiver.requests) expect(headers.authorization).toBe('Bearer collectors-own');
  });

  test('is not disturbed when the collector does not answer, and ends without waiting for it', async () => {
    receiver = await startOtlpReceiver({ answers: false });
    const pool = await startPool({
      env: {
        OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
        OTEL_BSP_SCHEDULE_DELAY: '100',
        OTEL_EXPORTER_OTLP_TIMEOUT: '300',
      },
    });
    await twoRounds(pool);
    await eventually(() => receiver.requests.length >= 3);
    for (const node of pool.of('gateway').concat(pool.of('coordinator')))
      await node.waitForLine(/traces were not taken/);
    await endAll(pool);
  });
});

test('a gateway without a collector, or with OTEL_SDK_DISABLED, sends nothing', async () => {
  const receiver = await startOtlpReceiver();
  const pool = await startPool({
    roles: { coordinator: 0, aggregator: 0 },
    env: { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url, OTEL_SDK_DISABLED: 'true' },
  });
  await pool.repo();
  await endAll(pool);
  expect(receiver.requests).toEqual([]);
});
