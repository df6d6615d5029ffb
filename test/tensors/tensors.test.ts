import { createHash } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { describe, expect, it } from '@jest/globals';
import { kernels } from '../../src/tensors/generated/kernels.js';
import { rootHash, sha256Hex } from '../../src/tensors/hash.js';
import { SHARD_PARAMS, shardCount, shardSpan } from '../../src/tensors/sharding.js';
import {
  countParams,
  flatten,
  sizeOfShape,
  split,
  subtract,
  type TensorSpec,
} from '../../src/tensors/tensor-specs.js';

const specs: TensorSpec[] = [
  { name: 'dense/kernel', shape: [2, 3], dtype: 'float32' },
  { name: 'scale', shape: [], dtype: 'float32' },
  { name: 'nothing', shape: [0, 4], dtype: 'float32' },
];

describe('tensor specs', () => {
  it('count, flatten and split into views', () => {
    expect(countParams(specs)).toBe(7);
    const flat = flatten([Float32Array.of(1, 2, 3, 4, 5, 6), Float32Array.of(7), new Float32Array(0)]);
    const [first, second, third] = split(flat, specs);
    expect([...flat]).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect([first?.length, second?.length, third?.length]).toEqual([6, 1, 0]);
    flat[6] = 9;
    expect(second?.[0]).toBe(9);
  });

  it('subtract and refuse other lengths', () => {
    expect([...subtract(Float32Array.of(3, 1), Float32Array.of(1, 1.5))]).toEqual([2, -0.5]);
    expect(() => subtract(new Float32Array(2), new Float32Array(3))).toThrow('2 parameters; the model has 3');
    expect(() => split(new Float32Array(8), specs)).toThrow('The vector has 8 parameters; the model has 7.');
    expect(() => sizeOfShape([2, -1])).toThrow(RangeError);
    expect(() => sizeOfShape([1.5, 2])).toThrow(RangeError);
  });
});

describe('sharding', () => {
  it('covers the vector once', () => {
    expect(SHARD_PARAMS * 4).toBe(2 ** 20);
    for (const params of [1, 9, 10, 11, 20, 25]) {
      let end = 0;
      for (let shard = 0; shard < shardCount(params, 10); shard++) {
        const span = shardSpan(params, 10, shard);
        expect(span.start).toBe(end);
        end += span.length;
      }
      expect(end).toBe(params);
    }
    expect(() => shardSpan(25, 10, 3)).toThrow('Shard 3 does not exist; 25 parameters have shards 0 to 2.');
    expect(() => shardCount(0)).toThrow('params is 0');
  });
});

describe('hashes', () => {
  it('agree with Node, the root being the hash of raw digests', async () => {
    const shards = [Uint8Array.of(1, 2, 3), new Uint8Array(1000)];
    const digests = shards.map((bytes) => createHash('sha256').update(bytes).digest());
    const hashes = await Promise.all(shards.map(sha256Hex));
    expect(hashes).toEqual(digests.map((digest) => digest.toString('hex')));
    const root = (parts: Buffer[]): string => createHash('sha256').update(Buffer.concat(parts)).digest('hex');
    expect(await rootHash(hashes)).toBe(root(digests));
    expect(await rootHash(hashes.slice(0, 1))).toBe(root(digests.slice(0, 1)));
    await expect(rootHash([])).rejects.toThrow('at least one');
    await expect(rootHash(['AB'])).rejects.toThrow('The hash of shard 0');
  });
});

describe('the embedded kernels', () => {
  const wasm = Buffer.from(kernels.base64, 'base64');

  it('have the stated hash', () => {
    expect(createHash('sha256').update(wasm).digest('hex')).toBe(kernels.sha256);
  });

  it('are what their source compiles to', () => {
    execFileSync(process.execPath, ['scripts/build-kernels.mjs', '--check'], { env: {} });
  });
});
