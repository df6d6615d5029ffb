import { existsSync, readFileSync } from 'node:fs';

/** Version of this package, looked for upwards: the sources and what is built of them lie at different depths. */
export const PACKAGE_VERSION: string = findVersion(new URL('.', import.meta.url));

function findVersion(folder: URL): string {
  const file = new URL('package.json', folder);
  if (existsSync(file)) return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
  const parent = new URL('..', folder);
  return parent.href === folder.href ? 'unknown' : findVersion(parent);
}
