import { readFileSync } from 'node:fs';
import { CliError, EXIT, usageError } from '../errors.js';

/**
 * The API key from a file, or from LIBRARY_API_KEY; never from an argument, which everybody on the machine can read.
 * @param repoId what the key must be for, if that was said
 * @throws CliError (usage, auth)
 */
export function readApiKey(
  options: { readonly keyFile?: string; readonly repo?: string },
  env: Readonly<Record<string, string | undefined>>,
): string {
  const key = (options.keyFile === undefined ? env['LIBRARY_API_KEY'] : read(options.keyFile))?.trim() ?? '';
  const source = options.keyFile ?? 'LIBRARY_API_KEY';
  if (key === '') {
    throw new CliError(EXIT.auth, 'There is no API key.', {
      advice:
        'Make one with `cloud-node key create <repoId>`, write it to a file, and name it: --key-file <file>.',
    });
  }
  const repoOfKey = /^cnk_(.+)\.[^.]+\.[^.]+$/.exec(key)?.[1];
  if (repoOfKey === undefined) throw usageError(`${source} holds no API key: it begins with cnk_.`);
  if (options.repo === undefined || options.repo === repoOfKey) return key;
  throw usageError(`The key of ${source} is for Repo "${repoOfKey}", not for "${options.repo}".`);
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw usageError(`The key file cannot be read: ${(error as Error).message}`);
  }
}
