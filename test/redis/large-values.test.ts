import { randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { startTcpProxy } from '../../bench/lib/tcp-proxy.js';
import { connectRedis, type RedisClient } from '../../src/redis/connection.js';
import { LargeValues } from '../../src/redis/large-replies/large-values.js';
import { LARGE_BYTES, ReplyScanner } from '../../src/redis/large-replies/reply-scanner.js';
import { createLogger } from '../../src/telemetry/logger.js';
import { uniqueId } from '../helpers/namespace.js';
import { removeKeys, SERVERS, suiteServer } from '../helpers/servers.js';

type Reply = string | number | null | Uint8Array | readonly Reply[];

function encode(reply: Reply): Buffer {
  if (reply === null) return Buffer.from('$-1\r\n');
  if (typeof reply === 'string') return Buffer.from(`+${reply}\r\n`);
  if (typeof reply === 'number') return Buffer.from(`:${reply}\r\n`);
  if (reply instanceof Uint8Array)
    return Buffer.concat([Buffer.from(`$${reply.length}\r\n`), reply, Buffer.from('\r\n')]);
  return Buffer.concat([Buffer.from(`*${reply.length}\r\n`), ...reply.map(encode)]);
}

/** Of bytes that look like lines, which must not be taken for such. */
const value = fc
  .tuple(fc.constantFrom(0, 5, 100, LARGE_BYTES - 1, LARGE_BYTES, LARGE_BYTES + 777), fc.nat(255))
  .map(([length, seed]) => {
    const bytes = Buffer.alloc(length, '\r\n$70000\r\n*2\r\n');
    if (length > 0) bytes[length - 1] = seed;
    return bytes;
  });
const plain = fc.oneof(fc.constantFrom('OK', 'ERR no'), fc.nat(), fc.constant(null), value);
const reply: fc.Arbitrary<Reply> = fc.oneof(
  { weight: 4, arbitrary: plain },
  { weight: 1, arbitrary: fc.array(fc.oneof(plain, fc.array(plain, { maxLength: 2 })), { maxLength: 3 }) },
);

describe('replies on a connection', () => {
  it('are passed on as they are, large values taken out, however they are cut', () => {
    fc.assert(
      fc.property(
        fc.array(reply, { minLength: 1, maxLength: 6 }),
        fc.array(fc.integer({ min: 1, max: 90_000 }), { minLength: 1, maxLength: 9 }),
        (replies, cuts) => {
          const passed: Buffer[] = [];
          const large: Uint8Array[] = [];
          const scanner = new ReplyScanner({
            pass: (bytes) => void passed.push(Buffer.from(bytes)),
            allocate: (bytes) => new Uint8Array(bytes),
            large: (bytes) => `large ${large.push(bytes)}`,
            unknown: () => expect('RESP2').toBe('something else'),
          });
          const wire = Buffer.concat(replies.map(encode));
          for (let at = 0, turn = 0; at < wire.length; turn++) {
            const room = scanner.room();
            const length = Math.min(
              wire.length - at,
              cuts[turn % cuts.length] ?? 1,
              room?.length ?? Infinity,
            );
            const part = Uint8Array.from(wire.subarray(at, at + length));
            room?.set(part);
            scanner.received(part, room !== null);
            at += length;
          }
          const isLarge = (one: Reply): one is Uint8Array =>
            one instanceof Uint8Array && one.length >= LARGE_BYTES;
          const kept = replies.filter(isLarge);
          expect(large.map((one) => Buffer.from(one).equals(kept.shift() ?? Buffer.alloc(0)))).toEqual(
            large.map(() => true),
          );
          expect(kept).toHaveLength(0);
          let count = 0;
          const rest = replies.map((one) => encode(isLarge(one) ? Buffer.from(`large ${++count}`) : one));
          expect(Buffer.concat(passed).equals(Buffer.concat(rest))).toBe(true);
        },
      ),
      { numRuns: 200 },
    );
  });

  it('in another protocol end the connection', () => {
    let unknown = 0;
    const scanner = new ReplyScanner({
      pass: () => undefined,
      allocate: (bytes) => new Uint8Array(bytes),
      large: () => '',
      unknown: () => unknown++,
    });
    scanner.received(Buffer.from('%1\r\n+a\r\n:1\r\n'), false);
    expect(unknown).toBeGreaterThan(0);
  });
});

const log = createLogger({ level: 'silent', role: 'test', nodeId: 'test' });
const connect = (url: string, cluster: boolean): Promise<RedisClient> =>
  connectRedis({ url, cluster, connectWithinMs: 5_000 }, { purpose: 'background', log });

describe.each(SERVERS)('values of $server', ({ cluster }) => {
  it('are read whole, of any size, many at once, also those that look like a name', async () => {
    const redis = await connect(suiteServer({ cluster }).url, cluster);
    const values = new LargeValues(redis);
    const prefix = uniqueId('t');
    const sizes = [0, 1, 31, 32, 33, LARGE_BYTES - 1, LARGE_BYTES, 1_000_003, 2 ** 22];
    const stored = sizes.map((size) => randomBytes(size));
    await Promise.all(stored.map((bytes, i) => redis.set(`${prefix}:{${i}}`, bytes)));
    for (let turn = 0; turn < 5; turn++) {
      const read = await Promise.all([...stored.keys(), 99].map((i) => values.get(`${prefix}:{${i}}`)));
      expect(read.pop()).toBeNull();
      const same = read.map((bytes, i) => stored[i]?.equals(bytes ?? Buffer.from('gone')));
      expect(same).toEqual(sizes.map(() => true));
    }
    await values.close();
    await removeKeys(redis, prefix);
    await redis.quit();
  });
});

it('come into memory that was given back, once, and into none of anybody else', async () => {
  const redis = await connect(suiteServer({ cluster: false }).url, false);
  const values = new LargeValues(redis);
  const key = uniqueId('t');
  const stored = randomBytes(LARGE_BYTES);
  await redis.set(key, stored);
  const read = async (): Promise<Uint8Array> => (await values.get(key)) ?? new Uint8Array(0);
  const first = await read();
  const foreign = new Uint8Array(LARGE_BYTES);
  for (const value of [first, first, foreign]) values.giveBack(value);
  const [second, third] = [await read(), await read()];
  expect(second).toBe(first);
  expect([first, foreign]).not.toContain(third);
  expect([second, third].map((value) => stored.equals(value))).toEqual([true, true]);
  await values.close();
  await redis.unlink(key);
  await redis.quit();
});

it('come again after the connection was lost in the middle', async () => {
  const server = new URL(suiteServer({ cluster: false }).url);
  const proxy = await startTcpProxy({ host: server.hostname, port: Number(server.port) });
  server.host = `${proxy.host}:${proxy.port}`;
  const redis = await connect(server.href, false);
  const values = new LargeValues(redis);
  const key = uniqueId('t');
  const bytes = randomBytes(3_000_000);
  await redis.set(key, bytes);
  for (let turn = 0; turn < 5; turn++) {
    const reading = Array.from({ length: 8 }, () => values.get(key));
    await Promise.race(reading);
    proxy.cut();
    proxy.resume();
    for (const read of await Promise.all(reading))
      expect(bytes.equals(read ?? Buffer.from('gone'))).toBe(true);
  }
  await values.close();
  await redis.unlink(key);
  await redis.quit();
  await proxy.close();
});
