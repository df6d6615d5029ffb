import * as z from 'zod';
import { jobSchema } from '../../protocol/job.js';
import { formatField } from './format.js';

interface Schema {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly anyOf?: readonly Schema[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly default?: unknown;
  readonly description?: string;
  readonly minimum?: number;
  readonly maximum?: number;
}

export type FieldKind = 'text' | 'integer' | 'number' | 'choice' | 'switch' | 'list' | 'fixed';

/** One field of the job's form, as the schema says. */
export interface JobField {
  /** `selection.goal` */
  readonly path: string;
  readonly group: string;
  readonly kind: FieldKind;
  readonly label: string;
  readonly help: string;
  readonly defaultText: string;
  readonly isRequired: boolean;
  readonly isNullable: boolean;
  readonly choices: readonly string[];
  readonly unit: string;
}

/** Every field of a job, in the schema's order: names, help, defaults and choices are those of the schema. */
export function jobFields(): JobField[] {
  return walk(z.toJSONSchema(jobSchema, { io: 'input' }) as Schema, '');
}

function walk(schema: Schema, prefix: string): JobField[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, field]) => {
    const inner = field.anyOf?.find((option) => option.type !== 'null') ?? field;
    const path = prefix + name;
    if (inner.properties !== undefined) return walk(inner, `${path}.`);
    const kind = kindOf(inner);
    return [
      {
        path,
        group: path.includes('.') ? (path.split('.')[0] ?? '') : '',
        kind,
        label: labelOf(path),
        // That it is required stands beside its name.
        help: (field.description ?? inner.description ?? '').replace(/ Required\.$/, ''),
        defaultText: formatField(field.default),
        isRequired: (schema.required?.includes(name) ?? false) && !prefix.startsWith('termination.target'),
        isNullable: field.anyOf !== undefined,
        choices: (inner.enum ?? []).map(String),
        unit: name.endsWith('Ms') ? 'ms' : '',
      },
    ];
  });
}

function kindOf(schema: Schema): FieldKind {
  if (schema.const !== undefined) return 'fixed';
  if (schema.enum !== undefined) return 'choice';
  if (schema.type === 'boolean') return 'switch';
  if (schema.type === 'array') return 'list';
  if (schema.type === 'integer') return 'integer';
  return schema.type === 'number' ? 'number' : 'text';
}

/** "hyperparams.batchSize" → "Batch size"; of what is nested deeper, also what it belongs to. */
function labelOf(path: string): string {
  const parts = path.split('.');
  const words = (parts.length > 2 ? parts.slice(1) : parts.slice(-1))
    .join(' ')
    .replace(/Ms\b/g, '')
    .replace(/Id\b/g, '');
  const spaced = words.replace(/([a-z])([A-Z])/g, '$1 $2').toLowerCase();
  return spaced.charAt(0).toUpperCase() + spaced.slice(1);
}

/** What was typed, by path, as a job. Fields left empty are left out, so that the schema's defaults hold. */
export function jobOf(values: Readonly<Record<string, string>>, fields: readonly JobField[]): object {
  // Its required field is named only when the object that has it is there.
  const job: Record<string, unknown> = { hyperparams: {} };
  for (const field of fields) {
    const text = (values[field.path] ?? '').trim();
    if (text === '' || field.kind === 'fixed') continue;
    let at = job;
    const parts = field.path.split('.');
    for (const part of parts.slice(0, -1)) at = (at[part] ??= {}) as Record<string, unknown>;
    at[parts.at(-1) ?? ''] = valueOf(text, field.kind);
  }
  return job;
}

function valueOf(text: string, kind: FieldKind): unknown {
  if (kind === 'integer' || kind === 'number') return Number.isNaN(Number(text)) ? text : Number(text);
  if (kind === 'switch') return text === 'true';
  if (kind === 'list')
    return text
      .split(',')
      .map((part) => part.trim())
      .filter((part) => part !== '');
  return text;
}

/** The other way round: what is said about fields of a job, as it would be typed. */
export function valuesOf(job: object, prefix = ''): Record<string, string> {
  const parts = Object.entries(job).map(([name, value]: [string, unknown]): Record<string, string> => {
    const isGroup = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isGroup ? valuesOf(value, `${prefix}${name}.`) : { [prefix + name]: formatField(value) };
  });
  return Object.assign({}, ...parts) as Record<string, string>;
}

/** What is wrong with a job, by path; empty when it is valid. */
export function jobFaults(job: unknown): ReadonlyMap<string, string> {
  const result = jobSchema.safeParse(job);
  const faults = new Map<string, string>();
  for (const issue of result.error?.issues ?? []) {
    const path = issue.path.join('.');
    const isMissing = issue.code === 'invalid_type' && /undefined$/.test(issue.message);
    if (!faults.has(path))
      faults.set(path, isMissing ? 'It is required.' : `${issue.message.replace(/\.$/, '')}.`);
  }
  return faults;
}

/** The same of the pool's refusal: its message begins each fault with the field in quotes. */
export function refusedFields(message: string): ReadonlyMap<string, string> {
  const parts = [...message.matchAll(/"([\w.]+)": (.*?)(?= "[\w.]+": |$)/g)];
  return new Map(parts.map(([, path = '', text = '']) => [path, text]));
}
