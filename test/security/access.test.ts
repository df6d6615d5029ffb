import { createServer } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { EVENTS, ROUTES, type Who } from '../../src/gateway/auth/access.js';
import type { GatewayContext } from '../../src/gateway/context.js';
import { createContext } from '../../src/gateway/create-context.js';
import { createApp } from '../../src/gateway/http/app.js';
import { localKernels } from '../../src/gateway/intake/kernel-thread.js';
import { Limits } from '../../src/gateway/limits/limits.js';
import { createSockets } from '../../src/gateway/socket/io.js';
import { WorkQueues } from '../../src/redis/queues.js';
import { createLogger } from '../../src/telemetry/logger.js';
import { startGateway, type Json, type TestGateway } from '../helpers/gateway.js';
import { connectRaw } from './raw-socket.js';
import { credentials, GHOST, jwt, tenant, type Credential, type Tenant } from './world.js';

let first: TestGateway;
let second: TestGateway;
let a: Tenant;
let b: Tenant;
let everyone: Credential[];
beforeAll(async () => {
  first = await startGateway();
  second = await startGateway({ like: first });
  [a, b] = [await tenant(first), await tenant(first)];
  everyone = credentials(a, b);
});
afterAll(async () => {
  await second.close();
  await first.close();
});

/** As the table says, for what belongs to Repo A. `own`: let in, to what is the key's own, never to A. */
type Verdict = 'in' | 'own' | 'unauthenticated' | 'forbidden';
function verdict(who: Who, credential: Credential, inRepo: boolean): Verdict {
  if (who === 'anyone') return 'in';
  if (who === 'library') {
    if (credential.kind !== 'library') return 'unauthenticated';
    return credential.repos.includes(a.repoId) ? 'in' : 'own';
  }
  if (credential.role === undefined) return 'unauthenticated';
  if (credential.role === 'admin') return 'in';
  if (!who.includes(credential.role)) return 'forbidden';
  if (inRepo) return credential.repos.includes(a.repoId) ? 'in' : 'forbidden';
  return credential.repos.includes(a.repoId) ? 'in' : 'own';
}

/** All that must be as it was when everything was refused. */
async function stateOfA(): Promise<Json> {
  const { sessions, repos, models, rounds } = first.stores;
  const at = { repoId: a.repoId, sessionId: a.sessionId, round: 1, attempt: 1 };
  return {
    session: await sessions.get(a.repoId, a.sessionId),
    sessions: (await sessions.list(a.repoId)).length,
    repo: await repos.get(a.repoId),
    keys: await repos.listKeys(a.repoId),
    models: await models.list(a.repoId),
    testSets: await models.listTestSets(a.repoId),
    assignments: [await rounds.assignment(at, 'ada'), await rounds.assignment(at, 'bob')],
    receipts: await rounds.receipts(at),
  };
}

/** The answer's error code, and its text unless it is a stream. */
async function ask(
  url: string,
  route: string,
  { secret }: Credential,
  allowed: boolean,
): Promise<{ code: string; status: number; text: string }> {
  const [method = '', template = ''] = route.split(' ');
  const isDestructive = method !== 'GET' && method !== 'HEAD';
  // Who may gets what is not there, where it would change something.
  const spared = allowed && isDestructive;
  const params: Record<string, string> = {
    repoId: allowed && route === 'DELETE /v1/repos/:repoId' ? `${GHOST}-${a.repoId}` : a.repoId,
    sessionId: spared ? GHOST : a.sessionId,
    modelId: a.modelId,
    keyId: spared ? GHOST : a.keyId,
    testSetId: 'test',
    evaluationId: a.evaluationId,
    sha256: a.topologySha256,
    version: '0',
  };
  const path = template.replace(/:(\w+)/g, (_, name: string) => params[name] ?? `no-${name}`);
  const key = { sessionId: a.sessionId, round: 1, attempt: 1 };
  const body = template.includes('/update')
    ? a.frame
    : JSON.stringify(
        template.endsWith('/join')
          ? { datasets: [{ datasetId: 'data', numExamples: 5 }] }
          : template.endsWith('/progress')
            ? { ...key, epoch: 1, epochs: 1 }
            : template.includes('/assignment/')
              ? key
              : {},
      );
  const stop = new AbortController();
  const answer = await fetch(`${url}${path}`, {
    method,
    headers: {
      ...(secret === null ? {} : { authorization: `Bearer ${secret}` }),
      'library-id': /decline|fail/.test(template) ? 'bob' : 'ada',
    },
    ...(isDestructive ? { body: body as BodyInit } : {}),
    signal: stop.signal,
  });
  const isStream = answer.headers.get('content-type') === 'text/event-stream';
  const text = isStream ? '' : await answer.text();
  stop.abort();
  if (answer.ok) return { code: 'ok', status: answer.status, text };
  // HEAD has no body: its status says it.
  const byStatus = { 401: 'unauthenticated', 403: 'forbidden' }[answer.status] ?? 'other';
  const code = text === '' ? byStatus : (JSON.parse(text) as { error?: { code: string } }).error?.code;
  return { code: code ?? byStatus, status: answer.status, text };
}

/** What is wrong with an answer, if anything. */
function judge(expected: Verdict, answer: { code: string; status: number; text: string }): string | null {
  const { code, status, text } = answer;
  if (status >= 500) return `is ${status}`;
  if (expected === 'unauthenticated' || expected === 'forbidden')
    return code === expected ? null : `is ${code}, not ${expected}`;
  if (code === 'unauthenticated' || code === 'forbidden') return `is ${code}, not let in`;
  // An answer that says "yes" to a stranger must not speak of A.
  const leaks = code === 'ok' && [a.repoId, a.sessionId].some((id) => text.includes(id));
  return expected === 'own' && leaks ? `tells a stranger of A: ${text.slice(0, 200)}` : null;
}

const methodsOf = (route: string): string[] =>
  route.startsWith('GET ') ? [route, route.replace('GET', 'HEAD')] : [route];

describe('who may use which route', () => {
  const walk = async (
    select: (expected: Verdict) => boolean,
  ): Promise<{ calls: number; wrong: string[] }> => {
    const wrong: string[] = [];
    let calls = 0;
    for (const { url } of [first, second]) {
      for (const [route, who] of Object.entries(ROUTES) as [string, Who][]) {
        await Promise.all(
          everyone.flatMap((credential) =>
            methodsOf(route).map(async (one) => {
              const expected = verdict(who, credential, route.includes('/:repoId'));
              if (!select(expected)) return;
              calls += 1;
              const answer = await ask(url, one, credential, expected === 'in');
              const problem = judge(expected, answer);
              if (problem !== null) wrong.push(`${one} with ${credential.name} ${problem}`);
            }),
          ),
        );
      }
    }
    return { calls, wrong };
  };

  it('refuses on both replicas whom the table does not name, and nothing is changed', async () => {
    const before = await stateOfA();
    const { calls, wrong } = await walk((expected) => expected !== 'in');
    expect(wrong).toEqual([]);
    expect(calls).toBeGreaterThan(1_000);
    expect(await stateOfA()).toEqual(before);
  });

  it('lets in on both replicas whom the table names', async () => {
    const { calls, wrong } = await walk((expected) => expected === 'in');
    expect(wrong).toEqual([]);
    expect(calls).toBeGreaterThan(200);
  });

  it('was walked with what is there: an admin reads everything, and a Library what it works on', async () => {
    const admin = everyone.find(({ name }) => name === 'admin') as Credential;
    const library = everyone.find(({ name }) => name === 'library of A') as Credential;
    const status: [string, number][] = [];
    for (const [route, who] of Object.entries(ROUTES) as [string, Who][]) {
      if (!route.startsWith('GET ')) continue;
      const answer = await ask(second.url, route, who === 'library' ? library : admin, true);
      status.push([route, answer.status]);
    }
    expect(status.filter(([, code]) => code !== 200)).toEqual([]);
  });
});

describe('who may use which event', () => {
  const ref = (allowed: boolean) => ({ repoId: a.repoId, sessionId: allowed ? GHOST : a.sessionId });
  const payload = (event: string, allowed: boolean): unknown => {
    const key = { sessionId: a.sessionId, round: 1, attempt: 1 };
    if (event === 'update:put') return a.frame;
    if (event === 'library:join') return { datasets: [{ datasetId: 'data', numExamples: 5 }] };
    if (event === 'assignment:get') return {};
    if (event === 'assignment:progress') return { ...key, epoch: 1, epochs: 1 };
    if (event.startsWith('assignment:')) return key;
    if (event === 'job:submit') return { repoId: a.repoId, job: {} };
    return ref(allowed && event !== 'session:get');
  };
  const authFor = (namespace: string, { secret }: Credential, libraryId: string): object => {
    if (secret === null) return { protocolVersion: 1 };
    return namespace === '/library'
      ? { apiKey: secret, libraryId, protocolVersion: 1 }
      : { token: secret, protocolVersion: 1 };
  };

  it('is as the table says in every namespace on both replicas', async () => {
    const table = Object.entries(EVENTS).map(([row, who]) => {
      const [namespace = '', event = ''] = row.split(' ');
      return { namespace, event, who: who };
    });
    const names = [...new Set(table.map(({ event }) => event))].filter((event) => event !== 'connect');
    const wrong: string[] = [];
    let calls = 0;
    for (const [i, { url }] of [first, second].entries()) {
      for (const { namespace, who } of table.filter(({ event }) => event === 'connect')) {
        await Promise.all(
          everyone.map(async (credential) => {
            const auth = authFor(namespace, credential, `ada-${i}`);
            const socket = await connectRaw(url, namespace, auth);
            const expected = verdict(who, credential, false);
            const code = socket.handshake.ok ? 'ok' : socket.handshake.code;
            // Without anything, the payload has not even the form of a credential.
            const isRefused = code === expected || (credential.secret === null && code === 'invalid_request');
            const mayIn = expected === 'in' || expected === 'own';
            calls += 1;
            if (mayIn ? code !== 'ok' : !isRefused)
              wrong.push(`connect to ${namespace} with ${credential.name}: ${code}, not ${expected}`);
            if (code !== 'ok') return socket.close();

            const unknown = names.filter(
              (event) => !table.some((row) => row.namespace === namespace && row.event === event),
            );
            const stray: string[] = [];
            for (const event of unknown)
              void socket.call(event, payload(event, false)).then(() => stray.push(event));
            for (const row of table) {
              if (row.namespace !== namespace || row.event === 'connect') continue;
              const due = verdict(row.who, credential, row.who !== 'library');
              calls += 1;
              const answer = await socket.call(row.event, payload(row.event, due === 'in'));
              const problem = judge(due, {
                code: answer.ok === true ? 'ok' : (answer.error.code as string),
                status: 200,
                text: JSON.stringify(answer),
              });
              if (problem !== null)
                wrong.push(`${namespace} ${row.event} with ${credential.name} ${problem}`);
            }
            // Answers come in order: what had one would have had it by now.
            if (stray.length > 0) wrong.push(`${namespace} has ${stray.join(', ')}`);
            socket.close();
          }),
        );
      }
    }
    expect(wrong).toEqual([]);
    expect(calls).toBeGreaterThan(150);
  });
});

describe('the table is whole', () => {
  interface Layer {
    readonly route?: { readonly path: string; readonly methods: Readonly<Record<string, boolean>> };
    readonly handle: { readonly stack?: unknown };
  }

  it('has every route that Express has', () => {
    const { config, stores } = first;
    const limits = new Limits(stores.rates, config);
    const app = createApp({ config, stores, limits } as GatewayContext);
    const layers = (app as unknown as { router: { stack: Layer[] } }).router.stack;
    const routes = layers.flatMap(({ route }) =>
      route === undefined
        ? []
        : Object.keys(route.methods).map((method) => `${method.toUpperCase()} ${route.path}`),
    );
    expect(routes.sort()).toEqual(Object.keys(ROUTES).sort());
    // A router in the router would have routes that nobody saw here.
    const nested = layers.filter(({ route, handle }) => route === undefined && handle.stack !== undefined);
    expect(nested).toEqual([]);
  });

  it('has every namespace and event that Socket.IO has', async () => {
    const { config, stores, blobs } = first;
    const log = createLogger({ level: 'silent', role: 'gateway', nodeId: 'walk' });
    const queues = new WorkQueues(stores.context);
    const models = { check: () => Promise.resolve(null), close: () => Promise.resolve() };
    const ctx = createContext(
      { config, stores, blobs, queues, log },
      { draining: new AbortController().signal, models, kernels: localKernels },
    );
    const server = createServer();
    const sockets = await createSockets(server, ctx);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    const auth = {
      '/library': { apiKey: b.apiKey, libraryId: 'walk', protocolVersion: 1 },
      '/explora': { token: jwt({ role: 'admin' }), protocolVersion: 1 },
      '/dashboard': { token: jwt({ role: 'admin' }), protocolVersion: 1 },
    };
    const found: string[] = [];
    try {
      for (const namespace of [...sockets.io._nsps.keys()].filter((name) => name !== '/')) {
        const payload = auth[namespace as keyof typeof auth];
        const { handshake } = await connectRaw(`http://127.0.0.1:${port}`, namespace, payload);
        expect(handshake).toEqual({ ok: true });
        const [socket] = sockets.io.of(namespace).sockets.values();
        const events = (socket?.eventNames() ?? []).filter(
          (event) => !/^(disconnect|error)/.test(String(event)),
        );
        found.push(`${namespace} connect`, ...events.map((event) => `${namespace} ${String(event)}`));
      }
      // The root namespace is open to all and has nothing.
      expect(sockets.io.of('/').listeners('connection')).toEqual([]);
    } finally {
      await sockets.close();
      await queues.close();
    }
    expect(found.sort()).toEqual(Object.keys(EVENTS).sort());
  });
});
