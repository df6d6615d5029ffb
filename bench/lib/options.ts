import { parseArgs } from 'node:util';

/**
 * Numbers from the command line, each with a default: `{ libraries: 100 }` takes `--libraries 20`.
 * @throws TypeError for an option that is not there or not a number
 */
export function numberOptions<K extends string>(
  argv: readonly string[],
  defaults: Readonly<Record<K, number>>,
): Record<K, number> {
  const names = Object.keys(defaults) as K[];
  const options = Object.fromEntries(names.map((name) => [name, { type: 'string' as const }]));
  const { values } = parseArgs({ args: [...argv], options });
  const read = (name: K): number => {
    const value = Number(values[name] ?? defaults[name]);
    if (!(value >= 0)) throw new TypeError(`--${name}: use a number`);
    return value;
  };
  return Object.fromEntries(names.map((name) => [name, read(name)])) as Record<K, number>;
}

/** One case of a bench, for whoever compares. Everything else that a bench says goes to stderr. */
export function printCase(line: { readonly case: string } & Record<string, unknown>): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

export function progress(text: string): void {
  process.stderr.write(`${text}\n`);
}
