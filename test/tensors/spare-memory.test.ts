import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { packageRoot } from '../../src/telemetry/package-root.js';
import { spawnNode } from '../helpers/processes.js';
import { inSharedMemory, SpareMemory } from '../../src/tensors/spare-memory.js';

const isShared = ({ buffer }: Uint8Array): boolean => buffer instanceof SharedArrayBuffer;

describe('memory that is used again', () => {
  it('is never with two at once, and there is only so much that is shared', () => {
    const act = fc.record({ take: fc.boolean(), length: fc.integer({ min: 1, max: 3 }), which: fc.nat() });
    fc.assert(
      fc.property(fc.array(act, { maxLength: 60 }), fc.integer({ min: 1, max: 4 }), (acts, most) => {
        const memory = new SpareMemory(most);
        const taken: Uint8Array[] = [];
        for (const { take, length, which } of acts) {
          if (take) {
            const bytes = memory.take(length);
            expect(bytes).toHaveLength(length);
            expect(taken).not.toContain(bytes);
            taken.push(bytes);
          } else {
            const [bytes] = taken.splice(which % Math.max(1, taken.length), 1);
            if (bytes !== undefined) memory.giveBack(bytes);
          }
          expect(taken.filter(isShared).length).toBeLessThanOrEqual(most);
        }
      }),
    );
  });

  it('comes again for whoever takes turns between lengths', () => {
    const memory = new SpareMemory(2);
    const first = [memory.take(16), memory.take(8)];
    first.forEach((bytes) => memory.giveBack(bytes));
    const again = [memory.take(16), memory.take(8)];
    expect(again[0]).toBe(first[0]);
    expect(again[1]).toBe(first[1]);
  });

  it('makes room for another length, and is not shared when all is taken', () => {
    const memory = new SpareMemory(1);
    memory.giveBack(memory.take(16));
    const other = memory.take(8);
    expect([isShared(other), isShared(memory.take(8))]).toEqual([true, false]);
    memory.giveBack(other);
    expect(memory.take(8)).toBe(other);
  });

  it('leaves alone what is not its own, and what was given back already', () => {
    const memory = new SpareMemory(4);
    const bytes = memory.take(8);
    const foreign = new Uint8Array(8);
    for (const one of [bytes, bytes, foreign]) memory.giveBack(one);
    expect(memory.take(8)).toBe(bytes);
    const next = memory.take(8);
    expect(next).not.toBe(bytes);
    expect(next).not.toBe(foreign);
  });
});

it('counts what was forgotten as free, once V8 has collected it', async () => {
  const file = pathToFileURL(path.join(packageRoot(), 'dist/src/tensors/spare-memory.js')).href;
  // In a process of its own: what else is in the heap decides what a collection finds.
  const script = `
    import { SpareMemory } from ${JSON.stringify(file)};
    const memory = new SpareMemory(2);
    const isShared = () => memory.take(8).buffer instanceof SharedArrayBuffer;
    const took = [isShared(), isShared(), isShared()];
    while (!isShared()) {
      gc();
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    console.log(JSON.stringify(took));
  `;
  const node = spawnNode(['--expose-gc', '--input-type=module', '--eval', script]);
  expect(JSON.parse(await node.waitForLine(/true/, 15_000))).toEqual([true, true, false]);
});

it('bytes are copied into shared memory only when they are in none', () => {
  const own = Uint8Array.of(1, 2, 3);
  const shared = inSharedMemory(own);
  expect([isShared(shared), [...shared]]).toEqual([true, [1, 2, 3]]);
  expect(inSharedMemory(shared)).toBe(shared);
});
