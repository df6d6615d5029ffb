import { usageError } from './errors.js';

type Tree = Record<string, unknown>;

/**
 * Applies `--set termination.maxRounds=5` and the like to a job. A value is read as JSON where that is possible
 * (`5`, `true`, `null`, `{"metric":"accuracy","value":0.97}`), else as text. The input is left alone.
 *
 * @throws CliError (usage) for what is not `name=value`
 */
export function applySettings(
  base: Readonly<Tree>,
  settings: readonly string[],
  { option, example } = { option: '--set', example: 'termination.maxRounds=5' },
): Tree {
  const result = structuredClone(base);
  for (const setting of settings) {
    const at = setting.indexOf('=');
    const names = setting.slice(0, at).split('.');
    if (at <= 0 || names.some((name) => !/^[A-Za-z][A-Za-z0-9]*$/.test(name))) {
      throw usageError(`${option} ${setting}: use name=value.`, `For example: ${option} ${example}`);
    }
    assign(result, names, parseValue(setting.slice(at + 1)));
  }
  return result;
}

function assign(tree: Tree, names: readonly string[], value: unknown): void {
  const [name = '', ...rest] = names;
  if (rest.length === 0) {
    tree[name] = value;
    return;
  }
  const inner = tree[name];
  // A branch that is null or missing begins empty; one that is a value gives way to what was asked for.
  const branch: Tree =
    typeof inner === 'object' && inner !== null && !Array.isArray(inner) ? (inner as Tree) : {};
  tree[name] = branch;
  assign(branch, rest, value);
}

function parseValue(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}
