import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import * as ids from '../../protocol/ids.js';
import { CliError, EXIT, usageError } from '../errors.js';

const ID_FILE = 'library-id';

/**
 * Who this Library is, made up once and kept: after a restart the pool knows it again, and it takes up its assignment.
 * A state folder belongs to one Library; two that share it are one to the pool.
 *
 * @param given an id that somebody chose; it must be the one that is kept, if there is one
 * @throws CliError (usage, config)
 */
export function stableLibraryId(stateDir: string, given?: string): string {
  const file = path.join(stateDir, ID_FILE);
  if (given !== undefined && !ids.libraryId.safeParse(given).success) {
    throw usageError(`"${given}" is no id: use 1 to 128 letters, digits, ".", "_" or "-".`);
  }
  try {
    mkdirSync(stateDir, { recursive: true });
    writeFileSync(file, `${given ?? `library-${randomBytes(8).toString('hex')}`}\n`, { flag: 'wx' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') {
      throw new CliError(EXIT.config, `The state folder cannot be used: ${(error as Error).message}`, {
        advice: 'Name one that can be written: --state-dir <dir>.',
      });
    }
  }
  const kept = readFileSync(file, 'utf8').trim();
  if (!ids.libraryId.safeParse(kept).success) throw new CliError(EXIT.config, `${file} holds no id.`);
  if (given === undefined || given === kept) return kept;
  throw new CliError(EXIT.config, `${stateDir} belongs to the Library "${kept}", not to "${given}".`, {
    advice: 'Give each Library a state folder of its own.',
  });
}
