import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import * as z from 'zod';
import { newPoolKey, poolKeyPem } from '../../src/gateway/identity/pool-key.js';
import { encodeFrame, FRAME_CONTENT_TYPE } from '../../src/protocol/frame.js';
import { kerasHere } from '../helpers/keras-here.js';
import { uniqueId } from '../helpers/namespace.js';
import { startGateway, type Json, type TestGateway } from '../helpers/gateway.js';
import { bytesOf, modelFrame, openRound, ramp, type OpenRound } from '../helpers/open-round.js';
import { fixture } from '../keras/fixtures.js';
import { readText } from '../docs/markdown.js';

let pool: TestGateway;
let document: Json;
beforeAll(async () => {
  pool = await startGateway({
    env: { POOL_KEY: poolKeyPem(newPoolKey()) },
    keras: kerasHere,
  });
  document = (await pool.json('/v1/openapi.json', { token: '' })).body;
});
afterAll(() => pool.close());

interface Described {
  readonly name: string;
  readonly method: string;
  readonly path: string;
  readonly operation: Json;
}

const operations = (): Described[] =>
  Object.entries(document.paths as Record<string, Json>).flatMap(([path, methods]) =>
    Object.entries(methods as Record<string, Json>).map(([method, operation]) => {
      return { name: `${method.toUpperCase()} ${path}`, method: method.toUpperCase(), path, operation };
    }),
  );

/** A schema of the document, with what it refers to put in its place. */
function resolve(schema: unknown): unknown {
  if (typeof schema !== 'object' || schema === null) return schema;
  const { $ref } = schema as { $ref?: string };
  if ($ref !== undefined) return resolve(document.components.schemas[$ref.split('/').at(-1) ?? '']);
  if (Array.isArray(schema)) return schema.map(resolve);
  return Object.fromEntries(Object.entries(schema).map(([key, inner]) => [key, resolve(inner)]));
}

/** What is wrong with a value, by a schema of the document; null: nothing. */
function problemWith(value: unknown, schema: unknown): string | null {
  const result = z.fromJSONSchema(resolve(schema) as Parameters<typeof z.fromJSONSchema>[0]).safeParse(value);
  return result.success ? null : JSON.stringify(result.error.issues);
}

const TEST_SET = encodeFrame({ numExamples: 1, inputShape: [4], labelShape: [] }, bytesOf(ramp(5)));

/** A world in which every operation can succeed, made anew for each: some of them end it. */
async function world(): Promise<OpenRound & { values: Record<string, string> }> {
  const round = await openRound(pool, { lib: 5 });
  const { repoId, sessionId, modelId } = round;
  const model = (await pool.json(`/v1/repos/${repoId}/models/${modelId}`)).body;
  const [key] = (await pool.json(`/v1/repos/${repoId}/keys`)).body.keys;
  const values = { repoId, sessionId, modelId, version: '0', sha256: model.topologySha256, keyId: key.keyId };
  const at = `/v1/repos/${repoId}`;
  await pool.json(`${at}/test-sets/default`, { method: 'PUT', body: TEST_SET });
  const asked = { model: { modelId }, testSetId: 'default', loss: 'meanSquaredError' };
  const { body } = await pool.json(`${at}/evaluations`, { method: 'POST', body: asked });
  return { ...round, values: { ...values, testSetId: 'default', evaluationId: body.evaluationId } };
}

function bodyFor({ name, operation }: Described, { sessionId, modelId }: OpenRound): unknown {
  const content = operation.requestBody?.content;
  if (content === undefined) return undefined;
  if (name.endsWith('/models')) return modelFrame(ramp(25, 0.125));
  if (name.includes('/test-sets/')) return TEST_SET;
  if (name === 'PUT /v1/library/update')
    return encodeFrame({ sessionId, round: 1, attempt: 1, updateId: 'u', numExamples: 5 }, bytesOf(ramp()));
  const { example } = content['application/json'];
  const own = { sessionId, modelId, model: { modelId }, repoId: uniqueId('made') };
  return Object.fromEntries(
    Object.entries(example).map(([field, value]) => [field, own[field as keyof typeof own] ?? value]),
  );
}

async function drive(described: Described, credentials = true): Promise<Response> {
  const { method, path, operation } = described;
  const at = await world();
  if (path.endsWith('/events'))
    await pool.json(`/v1/repos/${at.repoId}/sessions/${at.sessionId}/cancel`, { method: 'POST' });
  const url = path.replace(/\{(\w+)\}/g, (_, name: string) => at.values[name] ?? name);
  const isLibrary = (operation.security as Json[]).some((way) => 'apiKey' in way);
  return pool.call(url, {
    method,
    ...(credentials ? (isLibrary ? { token: at.apiKey } : {}) : { token: '' }),
    ...(isLibrary ? { headers: { 'library-id': 'lib' } } : {}),
    body: bodyFor(described, at),
  });
}

describe('the document', () => {
  test('has every route that docs/protocol.md has, and no other', () => {
    const rows = readText('docs/protocol.md').matchAll(/^\| `((?:GET|POST|PUT|DELETE|PATCH) \/[^`]*)` \|/gm);
    const routes = [...rows].map(([, route = '']) => route.replace(/:(\w+)/g, '{$1}'));
    expect(
      operations()
        .map(({ name }) => name)
        .sort(),
    ).toEqual(routes.sort());
  });

  test('is OpenAPI 3.1 as far as its outside goes, with names that are used once', () => {
    expect(document.openapi).toBe('3.1.0');
    const ids = operations().map(({ operation }) => operation.operationId as string);
    expect(new Set(ids).size).toBe(ids.length);
    for (const { path, operation } of operations()) {
      expect(operation.summary).toMatch(/^[A-Z].*\.$/);
      const inPath = (operation.parameters ?? [])
        .filter((one: Json) => one.in === 'path')
        .map((one: Json) => one.name);
      expect(inPath).toEqual([...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name));
      expect(document.tags).toContainEqual({ name: operation.tags[0] });
    }
    const refs = [...JSON.stringify(document).matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g)];
    for (const [, name = ''] of refs) expect(document.components.schemas).toHaveProperty(name);
  });

  test('has examples that its own schemas accept, and schemas that refuse others', () => {
    const bodies = operations().flatMap(
      ({ operation }) => operation.requestBody?.content?.['application/json'] ?? [],
    );
    expect(bodies.length).toBeGreaterThanOrEqual(10);
    for (const { schema, example } of bodies) {
      expect(problemWith(example, schema)).toBeNull();
      expect(problemWith({ ...example, unheardOf: 1 }, schema)).not.toBeNull();
    }
  });
});

describe('every operation of the document', () => {
  test('answers as it says, with credentials and without', async () => {
    expect(operations().length).toBeGreaterThan(40);
    for (const described of operations()) {
      const { name, operation } = described;
      const answer = await drive(described);
      const responses = operation.responses as Record<string, Json>;
      const content = responses[String(answer.status)]?.content as Record<string, Json> | undefined;
      expect([name, answer.status, content === undefined]).toEqual([name, answer.status, false]);
      const type = answer.headers.get('content-type')?.split(';')[0] ?? '';
      expect([name, Object.keys(content ?? {})]).toEqual([name, expect.arrayContaining([type])]);
      const text = await answer.text();
      const { schema } = content?.[type] ?? {};
      if (type === 'application/json')
        expect([name, problemWith(JSON.parse(text), schema)]).toEqual([name, null]);
      if (type === 'application/x-ndjson') {
        const lines = text.trimEnd().split('\n');
        for (const line of lines) expect([name, problemWith(JSON.parse(line), schema)]).toEqual([name, null]);
      }
      if (operation.security.length === 0) continue;
      const refused = await drive(described, false);
      expect([name, refused.status]).toEqual([name, 401]);
      expect([
        name,
        problemWith(await refused.json(), responses['default']?.content['application/json'].schema),
      ]).toEqual([name, null]);
    }
  }, 60_000);

  test('refuses a body that its schema does not allow', async () => {
    for (const described of operations()) {
      const json = described.operation.requestBody?.content?.['application/json'];
      if (json === undefined) continue;
      const operation = {
        ...described.operation,
        requestBody: {
          content: { 'application/json': { ...json, example: { ...json.example, unheardOf: 1 } } },
        },
      };
      const answer = await drive({ ...described, operation });
      expect([described.name, [400, 422].includes(answer.status)]).toEqual([described.name, true]);
    }
  });

  test('gives and takes Keras files as it says', async () => {
    const { repoId } = await pool.repo();
    const models = `/v1/repos/${repoId}/models`;
    const first = await pool.json(`${models}?format=h5`, { method: 'POST', body: fixture('mlp.k2.h5') });
    const modelId = first.body.modelId as string;
    const { get } = document.paths['/v1/repos/{repoId}/models/{modelId}'];
    const { post } = document.paths['/v1/repos/{repoId}/models'];
    for (const format of get.parameters.find((one: Json) => one.name === 'format').schema.enum as string[]) {
      const file = await pool.call(`${models}/${modelId}?format=${format}`);
      const type = file.headers.get('content-type') ?? '';
      expect([file.status, Object.keys(get.responses[200].content)]).toEqual([
        200,
        expect.arrayContaining([type]),
      ]);
      expect(Object.keys(post.requestBody.content)).toContain(type);
      const body = new Uint8Array(await file.arrayBuffer());
      const kept = await pool.json(`${models}?name=again`, {
        method: 'POST',
        headers: { 'content-type': type },
        body,
      });
      expect(kept.status).toBe(201);
      expect(problemWith(kept.body, post.responses[201].content['application/json'].schema)).toBeNull();
    }
  });

  test('takes frames of one content type', () => {
    const frames = operations().filter(
      ({ operation }) => operation.requestBody?.content?.[FRAME_CONTENT_TYPE],
    );
    expect(frames.map(({ name }) => name)).toEqual([
      'POST /v1/repos/{repoId}/models',
      'PUT /v1/repos/{repoId}/test-sets/{testSetId}',
      'PUT /v1/library/update',
    ]);
  });
});

describe('the page of the document', () => {
  test('loads nothing from anywhere else, and needs no script within it', async () => {
    const page = await pool.call('/docs', { token: '' });
    expect(page.headers.get('content-security-policy')).toContain("script-src 'self'");
    const html = await page.text();
    expect(html).not.toMatch(/https?:\/\//);
    expect(html).not.toMatch(/<script>|<style|\son\w+=/);
    const start = await pool.call('/docs/start.js', { token: '' });
    expect(start.headers.get('content-type')).toContain('text/javascript');
    expect(await start.text()).toContain('/v1/openapi.json');
  });
});
