import { parseArgs } from 'node:util';

/**
 * Numbers from the command line, each with a default: `{ libraries: 100 }` takes `--libraries 20`.
 * @throws TypeError for an option that is not there or not a number
 */
export function numberOptions<K extends string>(
  argv: readonly string[],
  defaults: Readonly<Record<K, number>>,
): Record<K, number> {
  return benchOptions(argv, defaults).numbers;
}

/** The same for a bench with texts among its options; each may be given several times. */
export function benchOptions<K extends string, T extends string = never>(
  argv: readonly string[],
  defaults: Readonly<Record<K, number>>,
  texts: readonly T[] = [],
): { readonly numbers: Record<K, number>; readonly texts: Record<T, string[]> } {
  const names = Object.keys(defaults) as K[];
  const option = { type: 'string', multiple: true } as const;
  const options = Object.fromEntries([...names, ...texts].map((name) => [name, option]));
  const { values } = parseArgs({ args: [...argv], options });
  const read = (name: K): number => {
    const value = Number(values[name]?.at(-1) ?? defaults[name]);
    if (!(value >= 0)) throw new TypeError(`--${name}: use a number`);
    return value;
  };
  return {
    numbers: Object.fromEntries(names.map((name) => [name, read(name)])) as Record<K, number>,
    texts: Object.fromEntries(texts.map((name) => [name, values[name] ?? []])) as Record<T, string[]>,
  };
}

/** One case of a bench, for whoever compares. Everything else that a bench says goes to stderr. */
export function printCase(line: { readonly case: string } & Record<string, unknown>): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

export function progress(text: string): void {
  process.stderr.write(`${text}\n`);
}
