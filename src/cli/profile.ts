import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import * as z from 'zod';
import { CliError, EXIT } from './errors.js';

/** What `cloud-node up` leaves in the data folder so that the other commands need no flags on this machine. */
const profileSchema = z.object({
  v: z.literal(1),
  /** The process that runs the pool; null when it was stopped. */
  pid: z.int().nullable(),
  urls: z.array(z.string()).min(1),
  secretFile: z.string(),
  startedMs: z.int(),
});
export type Profile = z.infer<typeof profileSchema>;

const PROFILE_FILE = 'profile.json';
const SECRET_FILE = 'auth-secret';

/** The profile of a data folder, or null where no pool was started. */
export function readProfile(dataDir: string): Profile | null {
  const file = path.join(dataDir, PROFILE_FILE);
  const text = readIfThere(file);
  if (text === null) return null;
  try {
    return profileSchema.parse(JSON.parse(text));
  } catch {
    throw new CliError(EXIT.config, `${file} cannot be read.`, {
      advice: 'Remove it and run `cloud-node up` again; the data of the pool is not in it.',
    });
  }
}

export function writeProfile(dataDir: string, profile: Profile): void {
  mkdirSync(dataDir, { recursive: true });
  const file = path.join(dataDir, PROFILE_FILE);
  // Renamed into place: a command that reads it now sees the old one or the new one.
  writeFileSync(`${file}.new`, `${JSON.stringify(profile, null, 2)}\n`);
  renameSync(`${file}.new`, file);
}

/** The AUTH_SECRET of the data folder; made once, readable by its owner only. */
export function ensureSecret(dataDir: string): { readonly file: string; readonly secret: string } {
  mkdirSync(dataDir, { recursive: true });
  const file = path.resolve(dataDir, SECRET_FILE);
  try {
    writeFileSync(file, `${randomBytes(32).toString('hex')}\n`, { mode: 0o600, flag: 'wx' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    chmodSync(file, 0o600);
  }
  return { file, secret: readFileSync(file, 'utf8').trim() };
}

/** The secret that a profile names, or null when it is gone or somebody else's. */
export function readSecret(profile: Profile): string | null {
  const secret = readIfThere(profile.secretFile)?.trim() ?? '';
  return secret === '' ? null : secret;
}

function readIfThere(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'EACCES' || code === 'ENOTDIR') return null;
    throw error;
  }
}
