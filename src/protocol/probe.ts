import * as z from 'zod';

/** Of the JSON of a probe. Where it comes with a job, the limit of a JSON body holds as well. */
export const MAX_PROBE_BYTES = 4 * 2 ** 20;

const sizeOf = (shape: readonly number[]): number => shape.reduce((product, size) => product * size, 1);

/** A fault of each of a hundred thousand values would cost a second to collect: the first one is enough. */
const numbers: z.ZodType<number[], number[]> = z
  .array(z.any())
  .min(1)
  // JSON needs two bytes at least for one.
  .max(MAX_PROBE_BYTES / 2)
  .check(({ value, issues }) => {
    const at = value.findIndex((one) => !Number.isFinite(one));
    if (at < 0) return;
    const message = `it is ${JSON.stringify(value[at])?.slice(0, 20)}, not a finite number`;
    issues.push({ code: 'custom', input: value, path: [at], message });
  })
  .meta({ items: { type: 'number' } });

const batch = z
  .strictObject({
    /** Of the model's input or output; without it, order says which. */
    name: z.string().min(1).max(256).optional(),
    /** With the batch dimension. */
    shape: z.array(z.int().min(1)).min(1).max(8),
    /** In row-major order. */
    values: numbers,
  })
  .refine(({ shape, values }) => sizeOf(shape) === values.length, {
    path: ['values'],
    error: ({ input }) => {
      const { shape, values } = input as { shape: number[]; values: number[] };
      return `there are ${values.length}; the shape [${shape.join(', ')}] has ${sizeOf(shape)}`;
    },
  });

const batches = z.array(batch).min(1).max(100);

/** A small batch, and what a model must answer to it. */
export const probeSchema = z.strictObject({
  inputs: batches.describe(
    'One {"shape", "values"} for each input of the model, in its order or with its "name".',
  ),
  outputs: batches.describe('What the model answers to them, likewise for each output.'),
});
export type Probe = z.output<typeof probeSchema>;

/** A probe of a job: there its bytes are not counted before it is read. */
export const jobProbe = probeSchema.refine((probe) => JSON.stringify(probe).length <= MAX_PROBE_BYTES, {
  error: `as JSON it may have ${MAX_PROBE_BYTES} bytes`,
});
