import * as z from 'zod';
import type { Dice } from './dice.js';

/** The parts of a JSON Schema that the protocol's schemas come to. */
interface Schema {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: Schema | boolean;
  readonly propertyNames?: Schema;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
}

/** Values for fields of these names: ids of what is there, so that what is valid also finds something. */
export type Known = Readonly<Record<string, () => unknown>>;

/** Makes values that the schema takes, near its bounds as often as in the middle. */
export function generator(schema: z.ZodType): (dice: Dice, known: Known) => unknown {
  const json = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as Schema;
  return (dice, known) => valueOf(json, { dice, known, name: '' });
}

interface At {
  readonly dice: Dice;
  readonly known: Known;
  readonly name: string;
}

function valueOf(schema: Schema, at: At): unknown {
  const { dice, known, name } = at;
  const own = known[name];
  if (own !== undefined) return own();
  if (schema.const !== undefined) return schema.const;
  if (schema.enum !== undefined) return dice.pick(schema.enum);
  if (schema.anyOf !== undefined) return valueOf(dice.pick(schema.anyOf), at);
  switch (schema.type) {
    case 'object':
      return objectOf(schema, at);
    case 'array': {
      const [min, max] = [schema.minItems ?? 0, Math.min(schema.maxItems ?? 3, (schema.minItems ?? 0) + 3)];
      const count = min + dice.below(max - min + 1);
      return Array.from({ length: count }, () => valueOf(schema.items ?? {}, { ...at, name: '' }));
    }
    case 'string':
      return textOf(schema, dice);
    case 'integer':
      return Math.round(numberOf(schema, dice));
    case 'number':
      return numberOf(schema, dice);
    case 'boolean':
      return dice.chance(0.5);
    case 'null':
      return null;
    default:
      return {};
  }
}

function objectOf(schema: Schema, at: At): Record<string, unknown> {
  const { dice } = at;
  const result: Record<string, unknown> = {};
  for (const [name, field] of Object.entries(schema.properties ?? {})) {
    if (schema.required?.includes(name) !== true && dice.chance(0.6)) continue;
    result[name] = valueOf(field, { ...at, name });
  }
  const { additionalProperties: extra } = schema;
  if (typeof extra === 'object' && schema.properties === undefined) {
    for (let left = dice.below(4); left > 0; left--)
      result[textOf({ minLength: 1, maxLength: 8 }, dice)] = valueOf(extra, { ...at, name: '' });
  }
  return result;
}

function textOf({ pattern, minLength = 0, maxLength = 40 }: Schema, dice: Dice): string {
  if (pattern?.includes('\\d') === true) return `${dice.below(10)}-${dice.below(10)}`;
  // As `{22,86}` at the end of a pattern.
  const [, from, to] = /\{(\d+),(\d+)\}\$?$/.exec(pattern ?? '') ?? [];
  const longest = Math.min(maxLength, Number(to ?? 600));
  const least = Math.max(minLength, Number(from ?? (pattern === undefined ? 0 : 1)));
  const length = dice.chance(0.2)
    ? longest
    : least + dice.below(Math.max(1, Math.min(12, longest) - least + 1));
  return Array.from({ length }, () => dice.pick([...'abcdefgxyz0123456789'])).join('');
}

function numberOf(schema: Schema, dice: Dice): number {
  const low = schema.minimum ?? (schema.exclusiveMinimum ?? -1) + 1e-3;
  const high = schema.maximum ?? (schema.exclusiveMaximum ?? low + 100) - 1e-3;
  if (dice.chance(0.1)) return dice.pick([low, high]);
  // Mostly small: a deadline of a month or a million rounds would only wait.
  return low + dice.real() * (Math.min(high, low + (dice.chance(0.8) ? 10 : 1e6)) - low);
}
