import { afterAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { ConvertAnswer, ConvertQuestion } from '../../src/keras/convert-thread.js';
import { OneThread } from '../../src/keras/one-thread.js';
import { ThreadKerasConverter } from '../../src/keras/convert-in-thread.js';
import { KERAS_LIMITS } from '../../src/keras/limits.js';
import { bits, expectedOf, fixture, READABLE } from '../keras/fixtures.js';

const built = new URL('../../dist/src/keras/convert-thread.js', import.meta.url);
const converter = new ThreadKerasConverter(built);
afterAll(() => converter.close());

const copy = (file: string): Uint8Array<ArrayBuffer> => new Uint8Array(fixture(file));

test('converts in a thread, several at once, and goes on after a refusal', async () => {
  const some = READABLE.filter((file) => /^(mlp|nested|lstm_text|frozen)\./.test(file));
  expect(some.length).toBeGreaterThan(8);
  const answers = await Promise.all([
    ...some.map((file) => converter.read(copy(file), KERAS_LIMITS)),
    converter.read(new Uint8Array(10), KERAS_LIMITS).catch((error: unknown) => error),
    converter.read(copy('subtract.k3.keras'), KERAS_LIMITS).catch((error: unknown) => error),
  ]);
  expect(answers.at(-2)).toMatchObject({ code: 'invalid_model' });
  expect(answers.at(-1)).toMatchObject({ code: 'model_unsupported' });
  const model = await converter.read(copy('nested.k3.keras'), KERAS_LIMITS);
  const before = bits(model);
  const { topology, tensors, parameters } = model;
  const own = new Float32Array(parameters);
  const file = await converter.write({ topology, tensors, parameters: own, format: 'h5' });
  expect(bits(await converter.read(new Uint8Array(file), KERAS_LIMITS))).toEqual(before);
});

test('answers probes in the thread, and goes on after a refusal', async () => {
  const { inputs, outputs } = expectedOf('nested.k3.keras');
  const model = await converter.read(copy('nested.k3.keras'), KERAS_LIMITS);
  const ask = (expected: typeof outputs): Promise<number> => {
    const parameters = new Float32Array(model.parameters);
    return converter.probe({ ...model, parameters }, { inputs, outputs: expected });
  };
  const others = outputs.map(({ shape, values }) => ({ shape, values: values.map((value) => value + 1) }));
  const answers = await Promise.all([
    ask(outputs),
    ask(others).catch((error: unknown) => error),
    ask([]).catch((error: unknown) => error),
    ask(outputs),
  ]);
  expect(answers[0]).toBeLessThan(1e-5);
  expect(answers[1]).toMatchObject({ code: 'model_unsupported' });
  expect(answers[2]).toMatchObject({ code: 'invalid_job' });
  expect(answers[3]).toBe(answers[0]);
});

/** What the HDF5 library may do to itself: the sandbox of WebAssembly holds, and the thread is done with. */
const TRAP = /memory access out of bounds|unreachable|Aborted|failed at another file|null function/;

test.each(['nested.k3.keras', 'mlp.k2.h5', 'branches.k3.h5', 'mcmahan_2nn.k3.keras'])(
  '%s with damaged bytes is read or refused, and hangs nothing',
  async (file) => {
    const bytes = fixture(file);
    const limits = { timeoutMs: 10_000, idleMs: 10_000, heapMib: 512 };
    const thread = new OneThread<ConvertQuestion, ConvertAnswer>(built, limits);
    const read = async (damaged: Uint8Array<ArrayBuffer>): Promise<void> => {
      const answer = await thread.ask({ do: 'read', bytes: damaged, limits: KERAS_LIMITS }, [damaged.buffer]);
      if (!('error' in answer)) return;
      expect(answer.error.code).toMatch(/^(invalid_model|model_unsupported)$/);
      if (TRAP.test(answer.error.message)) await thread.close();
    };
    const damage = fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { minLength: 1, maxLength: 20 });
    try {
      await fc.assert(
        fc.asyncProperty(damage, fc.nat(bytes.length), async (changes, cut) => {
          const damaged = new Uint8Array(bytes);
          for (const [at, value] of changes) damaged[at] = value;
          await read(damaged);
          await read(new Uint8Array(bytes.subarray(0, cut)));
        }),
        { numRuns: 150 },
      );
    } finally {
      await thread.close();
    }
  },
  120_000,
);
