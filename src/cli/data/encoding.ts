import { readFile, writeFile } from 'node:fs/promises';
import * as z from 'zod';
import { usageError } from '../errors.js';

/** Values of a column that stand for themselves, or names that become numbers. */
const column = z.strictObject({
  name: z.string(),
  use: z.enum(['input', 'label', 'none']),
  /** Null: numbers. As inputs they become 0/1 columns, one a category; as label the position in this list. */
  categories: z.array(z.string()).min(1).nullable(),
  /** The model sees (x − subtract) / divideBy; null: x itself. */
  scale: z.strictObject({ subtract: z.number(), divideBy: z.number().positive() }).nullable(),
});

const tableEncoding = z.strictObject({
  v: z.literal(1),
  kind: z.literal('table'),
  columns: z.array(column).min(2),
});

const imageEncoding = z.strictObject({
  v: z.literal(1),
  kind: z.literal('images'),
  /** Names of the folders, in the order of their class numbers. */
  classes: z.array(z.string()).min(1),
});

/**
 * How a file becomes numbers. All Libraries of a data set must do it alike, or they train different models; so it can be
 * written to a file and given to the others.
 */
const encodingFile = z.discriminatedUnion('kind', [tableEncoding, imageEncoding]);

export type ColumnEncoding = z.infer<typeof column>;
export type TableEncoding = z.infer<typeof tableEncoding>;
export type ImageEncoding = z.infer<typeof imageEncoding>;
type Encoding = z.infer<typeof encodingFile>;

/** The encoding in a file, or null where there is none yet. @throws CliError (usage) */
export async function readEncoding<Kind extends Encoding['kind']>(
  file: string | undefined,
  kind: Kind,
): Promise<Extract<Encoding, { kind: Kind }> | null> {
  if (file === undefined) return null;
  let found: Encoding;
  try {
    found = encodingFile.parse(JSON.parse(await readFile(file, 'utf8')));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    const message = error instanceof z.ZodError ? z.prettifyError(error) : (error as Error).message;
    throw usageError(`${file} is no encoding of a data set: ${message}`);
  }
  if (found.kind !== kind) throw usageError(`${file} is for ${found.kind}; the data are ${kind}.`);
  return found as Extract<Encoding, { kind: Kind }>;
}

export async function writeEncoding(file: string | undefined, encoding: Encoding): Promise<void> {
  if (file !== undefined) await writeFile(file, `${JSON.stringify(encoding, null, 2)}\n`, { flag: 'wx' });
}

/** Numbers in their order, texts in that of their characters: the same everywhere, whatever the locale. */
export function inOrder(categories: Iterable<string>): string[] {
  const all = [...categories];
  return all.every((text) => Number.isFinite(Number(text)))
    ? all.sort((a, b) => Number(a) - Number(b))
    : all.sort((a, b) => (a < b ? -1 : 1));
}
