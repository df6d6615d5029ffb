import { describe, expect, test } from '@jest/globals';
import {
  encodeFrame,
  FRAME_CONTENT_TYPE,
  MAX_MODEL_HEADER_BYTES,
  MAX_UPDATE_HEADER_BYTES,
} from '../../src/protocol/frame.js';
import { PoolSigner } from '../../src/gateway/identity/pool-signer.js';
import { asSigned, isSigned } from '../../src/protocol/client/signed.js';
import { PROTOCOL_VERSION } from '../../src/protocol/ids.js';
import { jobRequest } from '../../src/protocol/job.js';
import { MAX_INLINE_UPDATE_BYTES, updateHeader } from '../../src/protocol/library.js';
import { encodeUpdate } from '../../src/library/encode-update.js';
import { decodeShard } from '../../src/tensors/encoding.js';
import { rootHash, sha256Hex } from '../../src/tensors/hash.js';
import { scaleFault } from '../../src/tensors/q8-scale.js';
import { fieldRows } from './json-schema.js';
import { fenceAfter, fences, readText, tableAfter } from './markdown.js';

const protocol = readText('docs/protocol.md');

test('the table of the job lists every field with its type, default and meaning', () => {
  const documented = tableAfter(protocol, 'job-fields');
  const rows = fieldRows(jobRequest);
  expect(documented.map(([field, type, value]) => [field, type, value])).toEqual(
    rows.map((row) => [row.field, row.type, row.default]),
  );
  for (const [i, row] of rows.entries()) {
    expect(documented[i]?.[3]).not.toBe('');
    if (row.meaning !== '') expect(documented[i]?.[3]).toBe(row.meaning);
  }
});

test('the smallest job of the page is a valid one, and so are the one in full and the one with a probe', () => {
  expect(jobRequest.safeParse(JSON.parse(fenceAfter(protocol, 'job-smallest'))).success).toBe(true);
  expect(jobRequest.safeParse(JSON.parse(fenceAfter(protocol, 'job-example'))).error).toBeUndefined();
  expect(jobRequest.parse(JSON.parse(fenceAfter(protocol, 'probe-example'))).probe).not.toBeNull();
});

test('all JSON of the page can be parsed', () => {
  const blocks = fences(protocol, 'json');
  expect(blocks.length).toBeGreaterThan(10);
  for (const block of blocks) expect(() => JSON.parse(block) as unknown).not.toThrow();
});

describe('the frame', () => {
  test('in hexadecimal is what encodeFrame makes of the example', () => {
    const header: unknown = JSON.parse(fenceAfter(protocol, 'frame-header'));
    expect(updateHeader.safeParse(header).success).toBe(true);
    const values = JSON.parse(fenceAfter(protocol, 'frame-values')) as number[];
    const frame = encodeFrame(header, f32(values));
    expect(fenceAfter(protocol, 'frame-example').split('\n')).toEqual(hexDump(frame));
  });

  test('has the content type and the limits that the page names', () => {
    expect(protocol).toContain(FRAME_CONTENT_TYPE);
    expect(protocol).toContain(`${MAX_UPDATE_HEADER_BYTES} bytes`);
    expect(protocol).toContain(`${MAX_MODEL_HEADER_BYTES} bytes`);
    expect(protocol).toContain(`${MAX_INLINE_UPDATE_BYTES} bytes`);
  });
});

describe('the example of a signed text', () => {
  const example = asSigned(JSON.parse(fenceAfter(protocol, 'signed-example')) as unknown);

  test('is what a pool with that key answers', () => {
    const key = Buffer.from(Array.from({ length: 32 }, (_, i) => i)).toString('base64');
    const question = { repoId: 'clinics', nonce: 'AAECAwQFBgcICQoLDA0ODw' };
    expect(protocol).toContain(JSON.stringify(question).replaceAll(':', ': ').replaceAll(',', ', '));
    expect(PoolSigner.from({ POOL_KEY: key })?.proof(question)).toEqual({ ...example, successors: [] });
  });

  test('is taken by the SDK, and only as what it is', async () => {
    if (example === null) throw new Error('it has not the form');
    expect(await isSigned('proof', example)).toBe(true);
    expect(await isSigned('status', example)).toBe(false);
    expect(await isSigned('proof', { ...example, statement: `${example.statement} ` })).toBe(false);
  });
});

describe('the examples of encodings', () => {
  const bytesOf = (name: string): Uint8Array => {
    const hex = /^0000 {2}([0-9a-f ]+?) *\|/.exec(fenceAfter(protocol, name))?.[1] ?? '';
    return Uint8Array.from(hex.split(' '), (byte) => Number.parseInt(byte, 16));
  };
  const valuesOf = (name: string): unknown => JSON.parse(fenceAfter(protocol, name));

  test('have the values that the page names', () => {
    expect([...decodeShard(bytesOf('f16-example'), 'f16')]).toEqual(valuesOf('f16-values'));
    const q8 = bytesOf('q8-example');
    const shards = [q8.subarray(0, 7), q8.subarray(7)];
    expect(shards.flatMap((shard) => [...decodeShard(shard, 'q8')])).toEqual(valuesOf('q8-values'));
    expect(shards.map(scaleFault)).toEqual([null, null]);
    for (const name of ['f16-example', 'q8-example']) {
      expect(fenceAfter(protocol, name).split('\n')).toEqual(hexDump(bytesOf(name)));
    }
  });

  test('are what the SDK writes: exact values need no rounding', () => {
    const form = { shardParams: 3, maxMagnitude: 65_504, clipNorm: null };
    const f16 = Float32Array.from(valuesOf('f16-values') as number[]);
    expect(encodeUpdate(f16, { ...form, encoding: 'f16' })).toEqual(bytesOf('f16-example'));
    const q8 = Float32Array.from(valuesOf('q8-values') as number[]);
    expect(encodeUpdate(q8, { ...form, encoding: 'q8' })).toEqual(bytesOf('q8-example'));
  });
});

test('the example of hashes is right', async () => {
  const example = JSON.parse(fenceAfter(protocol, 'hash-example')) as HashExample;
  const { values, shardParams } = example;
  const shards: string[] = [];
  for (let start = 0; start < values.length; start += shardParams) {
    shards.push(await sha256Hex(f32(values.slice(start, start + shardParams))));
  }
  expect(example.shards).toEqual(shards);
  expect(example.sha256).toBe(await rootHash(shards));
});

test('the protocol version is the one of the code', () => {
  expect(protocol).toContain(`Protocol-Version: ${PROTOCOL_VERSION}`);
});

test('every Socket.IO event is described', () => {
  const source = readText('src/protocol/socket.ts');
  const events = [...source.matchAll(/'([a-z]+:[a-z]+)':/g)].map((match) => match[1] ?? '');
  expect(events.length).toBeGreaterThanOrEqual(14);
  expect(events.filter((event) => !protocol.includes(`\`${event}\``))).toEqual([]);
  const inTables = [...protocol.matchAll(/^\| `([a-z]+:[a-z]+)`/gm)].map((match) => match[1]);
  expect(new Set(inTables)).toEqual(new Set(events));
});

test('every event of a session is described, and no other', () => {
  const source =
    /export type SessionEvent =([\s\S]*?);\n\n/.exec(readText('src/core/decision.ts'))?.[1] ?? '';
  const types = [...source.matchAll(/'([a-z]+\.[a-z]+)'/g)].map((match) => match[1]);
  const documented = tableAfter(protocol, 'session-events').flatMap((row) => row[0]?.split(', ') ?? []);
  expect(types.length).toBeGreaterThan(10);
  expect(new Set(documented)).toEqual(new Set(types));
});

interface HashExample {
  readonly values: number[];
  readonly shardParams: number;
  readonly shards: string[];
  readonly sha256: string;
}

function f32(values: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(values.length * 4);
  const view = new DataView(bytes.buffer);
  values.forEach((value, i) => view.setFloat32(i * 4, value, true));
  return bytes;
}

/** Lines as `hexdump -C` writes them, with a narrower offset. */
function hexDump(bytes: Uint8Array): string[] {
  return Array.from({ length: Math.ceil(bytes.length / 16) }, (_, line) => {
    const part = [...bytes.subarray(line * 16, line * 16 + 16)];
    const hex = part.map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
    const text = part.map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.')).join('');
    return `${(line * 16).toString(16).padStart(4, '0')}  ${hex.padEnd(47)}  |${text}|`;
  });
}
