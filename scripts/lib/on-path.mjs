/** What can be run here. Zero dependencies: used before `npm ci`. */
import { accessSync, constants } from 'node:fs';
import path from 'node:path';

/** Where programs of these names would be, in the order of PATH. */
export function onPath(names, env = process.env) {
  const places = (env.PATH ?? '').split(path.delimiter).filter(Boolean);
  return places.flatMap((place) => names.map((name) => path.join(place, name)));
}

export function has(name, env = process.env) {
  return onPath([name], env).some(isExecutable);
}

export function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
