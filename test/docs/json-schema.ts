import * as z from 'zod';

/** The parts of a JSON Schema that the job's table shows. */
interface Schema {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly default?: unknown;
  readonly description?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
  readonly maxItems?: number;
}

/** What the documentation says of one field. */
export interface FieldRow {
  readonly field: string;
  readonly type: string;
  readonly default: string;
  readonly meaning: string;
}

/** Every leaf of what a client may send, in the schema's order: path, type with bounds, default, description. */
export function fieldRows(schema: z.ZodType): FieldRow[] {
  return rows(z.toJSONSchema(schema, { io: 'input' }) as Schema, '');
}

function rows(schema: Schema, prefix: string): FieldRow[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, field]) => {
    const inner = field.anyOf?.find((option) => option.type !== 'null') ?? field;
    const path = prefix + name;
    const isGroup = inner.properties !== undefined;
    const own: FieldRow = {
      field: path,
      type: describeType(field),
      default: defaultText(field, schema.required?.includes(name) ?? false),
      meaning: field.description ?? inner.description ?? '',
    };
    const isThere = field.default !== undefined || (schema.required?.includes(name) ?? false);
    if (isGroup && isThere && field.anyOf === undefined) return rows(inner, `${path}.`);
    return isGroup ? [own, ...rows(inner, `${path}.`)] : [own];
  });
}

function defaultText(field: Schema, isRequired: boolean): string {
  if (field.default !== undefined) return JSON.stringify(field.default);
  return isRequired ? 'required' : '—';
}

function describeType(schema: Schema): string {
  if (schema.anyOf !== undefined) return schema.anyOf.map(describeType).join(' or ');
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum !== undefined) return schema.enum.map((value) => JSON.stringify(value)).join(', ');
  if (schema.type === 'array')
    return `list of ${describeType(schema.items ?? {})}, at most ${schema.maxItems}`;
  if (schema.type !== 'integer' && schema.type !== 'number') return schema.type ?? '';
  return `${schema.type}${bound('≥', schema.minimum)}${bound('>', schema.exclusiveMinimum)}${bound('≤', schema.maximum)}${bound('<', schema.exclusiveMaximum)}`;
}

/** The widest integer is no bound worth reading. */
function bound(sign: string, value: number | undefined): string {
  return value === undefined || Math.abs(value) === Number.MAX_SAFE_INTEGER ? '' : ` ${sign} ${value}`;
}
