import * as z from 'zod';
import { LegacyError } from './legacy-error.js';

/** Old clients send more than is read here; what is not named is left out. */
const text = z.string().min(1).max(256);
const criteria = <Type extends string>(type: Type) => z.object({ type: z.literal(type), value: z.number() });

const register = z.object({
  type: z.literal('REGISTER'),
  node_type: z
    .string()
    .max(16)
    .transform((name) => name.toUpperCase())
    .pipe(z.enum(['LIBRARY', 'DASHBOARD'])),
  repo_id: text.optional(),
  api_key: z.string().max(8_192).optional(),
});

const newSession = z.object({
  type: z.literal('NEW_SESSION'),
  repo_id: text,
  /** Chosen by Explora from 2020 on. */
  session_id: z.string().min(1).max(64).optional(),
  /** A Keras .h5 in base64; absent when it was posted before. */
  h5_model: z.string().min(1).optional(),
  library_type: z.string().max(16).optional(),
  dataset_id: z.string().min(1).max(64).nullish(),
  checkpoint_frequency: z.int().min(1).max(1_000_000).optional(),
  hyperparams: z.object({
    batch_size: z.int().min(1).max(1_000_000),
    epochs: z.int().min(1).max(10_000).optional(),
    shuffle: z.boolean().optional(),
    label_index: z.int().optional(),
  }),
  selection_criteria: z.object({ type: z.literal('ALL_NODES') }),
  continuation_criteria: criteria('PERCENTAGE_AVERAGED'),
  termination_criteria: criteria('MAX_ROUND'),
});

const about = { session_id: text, round: z.int().min(1).max(1_000_000) };
/** Old iOS apps send the results as JSON in a string. */
const results = z.preprocess(
  (value) => (typeof value === 'string' ? (JSON.parse(value) as unknown) : value),
  // Tensors are looked at number by number where they are used.
  z.object({
    weights: z.unknown().optional(),
    gradients: z.unknown().optional(),
    omega: z
      .number()
      .positive()
      .max(2 ** 29 - 1),
  }),
);
const update = z.object({ type: z.enum(['NEW_WEIGHTS', 'NEW_UPDATE']), ...about, results });
const noUpdate = z.object({ type: z.enum(['NO_DATASET', 'TRAINING_ERROR']), ...about });

const message = z.discriminatedUnion('type', [register, newSession, update, noUpdate]);

export type LegacyMessage = z.infer<typeof message>;
export type NewSession = z.infer<typeof newSession>;
export type Update = z.infer<typeof update>;
export type NoUpdate = z.infer<typeof noUpdate>;

const TYPES = ['REGISTER', 'NEW_SESSION', 'NEW_WEIGHTS', 'NEW_UPDATE', 'NO_DATASET', 'TRAINING_ERROR'];

/** @throws LegacyError */
export function readMessage(data: string): LegacyMessage {
  let value: unknown;
  try {
    value = JSON.parse(data);
  } catch {
    throw new LegacyError('DESERIALIZATION', 'Error while converting JSON.');
  }
  const type = (value as { type?: unknown } | null)?.type;
  if (typeof type === 'string' && !TYPES.includes(type)) {
    throw new LegacyError('UNKNOWN_MESSAGE_TYPE', 'Unknown message type!');
  }
  let parsed;
  try {
    parsed = message.safeParse(value);
  } catch {
    throw new LegacyError('DESERIALIZATION', 'Error while converting JSON.');
  }
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const what = `${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`;
  throw new LegacyError('DESERIALIZATION', `Error deserializing message: ${what}`);
}
