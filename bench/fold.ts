/**
 * Speed of the tensor kernels beside a plain copy of the same bytes and a plain JavaScript loop, in one thread.
 *
 * Every case works on 64 MiB of f32 in shards of 1 MiB, so the data comes from memory and not from a cache. The three
 * candidates of a case take turns and medians are compared: neighbours on a shared machine slow all of them alike.
 * The case `fold` is the kernel itself, on updates that lie in its memory. The others include bringing the bytes into
 * WASM memory, as in an aggregator, where they arrive in Node Buffers; except those `where it lies`, which are what a
 * gateway does in the memory that it received the updates into.
 */
import type { UpdateEncoding } from '../src/core/encoding.js';
import { chooseFoldScale } from '../src/core/fold-scale.js';
import { ShardFolder, type FoldUpdate } from '../src/tensors/kernels.js';
import { SHARD_PARAMS } from '../src/tensors/sharding.js';
import { instantiateKernels, sharedMemory } from '../src/tensors/wasm.js';
import { arenaForBench, type ArenaForBench } from './lib/arena-for-bench.js';
import { encodeForBench } from './lib/encode-for-bench.js';

const SHARDS = 64;
const REPEATS = 15;
const BYTES = SHARDS * SHARD_PARAMS * 4;

interface Case {
  readonly name: string;
  /** Bytes that one call of each candidate works through. */
  readonly bytes: number;
  readonly kernel: () => void;
  readonly copy: () => void;
  readonly naive: () => void;
  /** The same of f32, for a case of another encoding. */
  readonly f32?: () => void;
}

/**
 * Prints one JSON line a case: GB (10^9 bytes) of f32 updates (merge: of partials) a second, and the ratios. Other
 * encodings count the bytes that their parameters have as f32.
 */
export async function run(): Promise<void> {
  for (const candidate of cases()) {
    const { f32 = candidate.kernel } = candidate;
    const [kernel = NaN, copy = NaN, naive = NaN, asF32 = NaN] = medians([
      candidate.kernel,
      candidate.copy,
      candidate.naive,
      f32,
    ]);
    const line = {
      case: candidate.name,
      gbPerSecond: round(candidate.bytes / kernel / 1e6),
      ratioToCopy: round(copy / kernel),
      ratioToNaive: round(naive / kernel),
      ...(candidate.f32 === undefined ? {} : { ratioToF32: round(asF32 / kernel) }),
    };
    process.stdout.write(`${JSON.stringify(line)}\n`);
    // Lets whoever runs the benches read the line before the next case blocks the thread.
    await new Promise((resolve) => setImmediate(resolve));
  }
}

function cases(): Case[] {
  const floats = Float32Array.from({ length: BYTES / 4 }, (_, i) => ((i * 7919) % 1000) / 1000 - 0.5);
  const target = new Uint8Array(BYTES);
  const source = new Uint8Array(floats.buffer);
  const shards = Array.from({ length: SHARDS }, (_, i) => ({
    bytes: source.subarray(i * SHARD_PARAMS * 4, (i + 1) * SHARD_PARAMS * 4),
    values: floats.subarray(i * SHARD_PARAMS, (i + 1) * SHARD_PARAMS),
    numExamples: 100 + i,
  }));
  const scale = chooseFoldScale({ maxMagnitude: 1, maxExamples: 1000, maxUpdates: 1000 });
  const folder = new ShardFolder(SHARD_PARAMS);
  const sums = new Float64Array(SHARD_PARAMS);
  // Each becomes the next one where it is.
  const versions = shards.map(({ values }) => {
    const next = values.slice();
    return { values: next, bytes: new Uint8Array(next.buffer) };
  });
  const copy = (): void => {
    for (const { bytes } of shards) target.set(bytes, bytes.byteOffset);
  };
  const naiveFold = (): void => {
    for (const { values, numExamples } of shards) addWeighted(sums, values, numExamples);
  };
  folder.reset(SHARD_PARAMS);

  const adding = (updates: readonly FoldUpdate[], perCall: number) => (): void => {
    for (let i = 0; i < SHARDS; i += perCall) folder.add(updates.slice(i, i + perCall), scale);
  };
  const naiveScans = (): void => {
    for (const { values } of shards) naiveScan(values);
  };
  const fold = (perCall: number): Case => {
    const kernel = adding(shards, perCall);
    return { name: `fold f32, ${perCall} updates a call`, bytes: BYTES, kernel, copy, naive: naiveFold };
  };
  const f32Arena = arenaForBench(shards, 'f32', scale);
  /** What a gateway does with the updates of a memory; of f16 and q8, beside the same of f32. */
  const inGateway = (encoding: UpdateEncoding, arena: ArenaForBench): Case[] => {
    const work: [string, (arena: ArenaForBench) => void, () => void][] = [
      ['fold', ({ fold }) => fold(), naiveFold],
      ['scan', ({ scan }) => scan(false), naiveScans],
      ['scan for its norm', ({ scan }) => scan(true), naiveScans],
      ['scan and fold', ({ scan, fold }) => (scan(false), fold()), () => (naiveScans(), naiveFold())],
    ];
    return work.map(([what, run, naive]) => ({
      name: `${what} ${encoding} where it lies${what.includes('fold') ? ', 2 updates a call' : ''}`,
      bytes: BYTES,
      copy,
      kernel: () => run(arena),
      naive,
      ...(encoding === 'f32' ? {} : { f32: () => run(f32Arena) }),
    }));
  };
  const encoded = (['f16', 'q8'] as const).flatMap((encoding): Case[] => {
    const updates = shards.map((shard) => ({
      ...shard,
      encoding,
      bytes: encodeForBench(shard.values, encoding),
    }));
    return [
      {
        name: `fold ${encoding}, 16 updates a call`,
        bytes: BYTES,
        copy,
        kernel: adding(updates, 16),
        naive: naiveFold,
        f32: adding(shards, 16),
      },
      ...inGateway(encoding, arenaForBench(updates, encoding, scale)),
    ];
  });

  return [
    { name: 'fold', bytes: BYTES, kernel: foldInMemory(source), copy, naive: naiveFold },
    fold(1),
    fold(4),
    fold(16),
    ...inGateway('f32', f32Arena),
    ...encoded,
    {
      name: 'merge',
      bytes: BYTES,
      kernel: () => {
        for (let i = 0; i < SHARDS; i += 2) folder.merge(source.subarray(i << 20, (i + 2) << 20));
      },
      copy,
      naive: () => {
        for (let i = 0; i < SHARDS; i += 2)
          addDoubles(sums, new Float64Array(floats.buffer, i << 20, SHARD_PARAMS));
      },
    },
    {
      name: 'finish',
      bytes: BYTES,
      kernel: () => {
        for (const { bytes } of versions) folder.finishInPlace(bytes, { scale, totalExamples: 6400 });
      },
      copy,
      naive: () => {
        for (const { values } of versions) naiveFinish(values, sums, 6400);
      },
    },
  ];
}

/** Eight updates a pass, block by block as ShardFolder does, with nothing to bring in first. */
function foldInMemory(source: Uint8Array): () => void {
  const BLOCK = 8_192;
  // Not a power of two, as in the lanes of a folder: or all eight would compete for the same cache sets.
  const STRIDE = SHARD_PARAMS * 4 + 256;
  const updatesAt = 64;
  const accAt = updatesAt + SHARDS * STRIDE;
  const { kernels, memory } = instantiateKernels(sharedMemory(accAt + SHARD_PARAMS * 8));
  new Float64Array(memory.buffer, 0, 8).fill(2 ** 30);
  for (let i = 0; i < SHARDS; i++) {
    const bytes = source.subarray(i * SHARD_PARAMS * 4, (i + 1) * SHARD_PARAMS * 4);
    new Uint8Array(memory.buffer).set(bytes, updatesAt + i * STRIDE);
  }
  return () => {
    for (let group = 0; group < SHARDS; group += 8) {
      for (let start = 0; start < SHARD_PARAMS; start += BLOCK) {
        kernels.fold8(accAt + start * 8, updatesAt + group * STRIDE + start * 4, STRIDE, BLOCK, 0);
      }
    }
  };
}

function addWeighted(sums: Float64Array, values: Float32Array, weight: number): void {
  for (let i = 0; i < values.length; i++) sums[i] = (sums[i] as number) + (values[i] as number) * weight;
}

function addDoubles(sums: Float64Array, values: Float64Array): void {
  for (let i = 0; i < values.length; i++) sums[i] = (sums[i] as number) + (values[i] as number);
}

function naiveScan(values: Float32Array): { finite: boolean; maxAbs: number; sumSquares: number } {
  const result = { finite: true, maxAbs: 0, sumSquares: 0 };
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    if (!Number.isFinite(value)) result.finite = false;
    result.maxAbs = Math.max(result.maxAbs, Math.abs(value));
    result.sumSquares += value * value;
  }
  return result;
}

function naiveFinish(values: Float32Array, sums: Float64Array, total: number): void {
  for (let i = 0; i < values.length; i++) values[i] = (values[i] as number) + (sums[i] as number) / total;
}

/** Milliseconds of each candidate: the median over repeats, taking turns, after two rounds of warming up. */
function medians(candidates: readonly (() => void)[]): number[] {
  const times = candidates.map((): number[] => []);
  for (let repeat = -2; repeat < REPEATS; repeat++) {
    candidates.forEach((candidate, which) => {
      const start = performance.now();
      candidate();
      if (repeat >= 0) times[which]?.push(performance.now() - start);
    });
  }
  return times.map((list) => list.sort((a, b) => a - b)[list.length >> 1] ?? NaN);
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
