import { execFile } from 'node:child_process';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { promisify } from 'node:util';
import { expect, test } from '@jest/globals';
import type * as z from 'zod';
import { Dice } from '../../bench/fuzz/dice.js';
import { Findings } from '../../bench/fuzz/findings.js';
import { generator } from '../../bench/fuzz/from-schema.js';
import { HttpLine } from '../../bench/fuzz/http-line.js';
import { HTTP_TARGETS } from '../../bench/fuzz/http-targets.js';
import { mutateBytes, mutateValue } from '../../bench/fuzz/mutate.js';
import { SOCKET_TARGETS } from '../../bench/fuzz/socket-targets.js';
import { EVENTS, ROUTES } from '../../src/gateway/auth/access.js';
import { jobSchema } from '../../src/protocol/job.js';
import * as library from '../../src/protocol/library.js';

const run = promisify(execFile);

test('a short run finds nothing, gets past the doors, and disturbs no session', async () => {
  // Seven seconds on a machine with nothing else to do.
  const length = ['--minutes', '0.1', '--inputs', '3000'];
  const args = ['scripts/bench.mjs', 'fuzz', ...length, '--json', '--seed', '3'];
  const { stdout } = await run(process.execPath, args, { timeout: 140_000 });
  const report = JSON.parse(stdout) as Record<string, unknown>;
  expect(report).toMatchObject({
    ok: true,
    crashes: 0,
    hangs: 0,
    unexpected5xx: 0,
    dropped: 0,
    sessionUndisturbed: true,
    leakedMiB: expect.any(Number),
    findings: [],
    coverage: { routes: `${HTTP_TARGETS.length}/${HTTP_TARGETS.length}` },
  });
  expect(report['inputs']).toBeGreaterThanOrEqual(3_000);
  const [accepted, all] = String((report['coverage'] as { accepted: string }).accepted)
    .split('/')
    .map(Number);
  expect(accepted).toBeGreaterThan((all ?? 0) * 0.8);
}, 150_000);

test('it knows every route and every event', () => {
  const routes = HTTP_TARGETS.map(({ route }) => route.replace(/\?.*/, ''));
  expect([...new Set(routes)].sort()).toEqual(Object.keys(ROUTES).sort());
  const events = SOCKET_TARGETS.map(({ namespace, event }) => `${namespace} ${event}`);
  // A handshake comes before every event.
  const handshakes = ['/library connect', '/explora connect', '/dashboard connect'];
  expect([...events, ...handshakes].sort()).toEqual(Object.keys(EVENTS).sort());
});

test('what it makes from a schema is valid, and what it changes most often is not', () => {
  const dice = new Dice(1);
  const schemas: z.ZodType[] = [
    library.join,
    library.updateHeader,
    library.reportProgress,
    library.declineAssignment,
  ];
  for (const schema of schemas) {
    const generate = generator(schema);
    let wrong = 0;
    for (let i = 0; i < 200; i++) {
      const value = generate(dice, {});
      expect(schema.safeParse(value).error?.issues).toBeUndefined();
      if (!schema.safeParse(mutateValue(value, dice)).success) wrong++;
    }
    expect(wrong).toBeGreaterThan(100);
  }
  // Its fields depend on each other: not all of them fit.
  const jobs = Array.from({ length: 100 }, () => generator(jobSchema)(dice, {}));
  expect(jobs.filter((job) => jobSchema.safeParse(job).success).length).toBeGreaterThan(20);
  const bytes = new Uint8Array(64).map((_, i) => i);
  const changed = Array.from({ length: 100 }, () => mutateBytes(bytes, dice));
  expect(changed.filter((one) => Buffer.compare(one, bytes) !== 0).length).toBeGreaterThan(90);
});

test('it would notice: a 5xx, a hang, and a connection that is dropped', async () => {
  const answers = [
    'HTTP/1.1 500 Internal Server Error\r\nContent-Length: 29\r\n\r\n{"error":{"code":"internal"}}',
    'HTTP/1.1 503 Service Unavailable\r\nContent-Length: 33\r\n\r\n{"error":{"code":"storage_full"}}',
    null,
    'close',
  ];
  const server = createServer((socket) => {
    socket
      .on('error', () => undefined)
      .on('data', () => {
        const answer = answers.shift();
        if (answer === 'close') socket.destroy();
        else if (typeof answer === 'string') socket.write(answer);
      });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const shown: string[] = [];
  const findings = new Findings((text) => shown.push(text));
  const line = new HttpLine(`http://127.0.0.1:${(server.address() as { port: number }).port}`, 200);
  for (let i = 0; i < 4; i++) {
    const seen = findings.sent('x', { schema: undefined, mutation: '' });
    const outcome = await line.send(Buffer.from('GET / HTTP/1.1\r\n\r\n'), { whole: true });
    if (outcome === 'hang') findings.hung(() => 'x');
    else if (outcome === 'closed') findings.closed(true, () => 'x');
    else {
      const { error } = JSON.parse(String(outcome.body)) as { error: { code: string } };
      findings.answered(seen, { status: outcome.status, code: error.code }, () => 'x');
    }
  }
  line.close();
  await new Promise((resolve) => server.close(resolve));
  const { inputs, unexpected5xx, hangs, dropped } = findings;
  expect({ inputs, unexpected5xx, hangs, dropped }).toEqual({
    inputs: 4,
    unexpected5xx: 1,
    hangs: 1,
    dropped: 1,
  });
  expect(shown).toEqual(['500 internal: x', 'hang: x', 'dropped: x']);
});
