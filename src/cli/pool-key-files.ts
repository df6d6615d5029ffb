import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseEnv } from '../config/env.js';
import { newPoolKey, parsePoolKey, poolKeyPem, type PoolKey } from '../gateway/identity/pool-key.js';
import { parseSuccessors, signSuccessor, successorOf } from '../gateway/identity/successors.js';
import type { Signed } from '../protocol/identity.js';
import { CliError, EXIT } from './errors.js';

const KEY_FILE = 'pool-key.pem';
const SUCCESSORS_FILE = 'pool-successors.json';

/** Where a pool's key and the chain of its successors are. */
export interface PoolKeyFiles {
  readonly keyFile: string;
  readonly successorsFile: string;
}

/** Beside each other: the chain is of no use without the key. */
export function poolKeyFiles(dataDir: string, keyFile?: string): PoolKeyFiles {
  const key = path.resolve(keyFile ?? path.join(dataDir, KEY_FILE));
  return { keyFile: key, successorsFile: path.join(path.dirname(key), SUCCESSORS_FILE) };
}

/** Makes a key, readable by its owner only. @throws CliError when there is one */
export function createPoolKey({ keyFile }: PoolKeyFiles): PoolKey {
  const key = newPoolKey();
  mkdirSync(path.dirname(keyFile), { recursive: true });
  try {
    writeFileSync(keyFile, poolKeyPem(key), { mode: 0o600, flag: 'wx' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    throw new CliError(EXIT.refused, `${keyFile} is there already: Libraries may have pinned it.`, {
      advice: 'Replace it with `cloud-node pool-key rotate`, or name another file with --key-file.',
    });
  }
  return key;
}

/** The key of POOL_KEY or POOL_KEY_FILE; null when neither is set. @throws CliError, ConfigError */
export function givenPoolKey({ POOL_KEY, POOL_KEY_FILE }: NodeJS.ProcessEnv): PoolKey | null {
  const given = parseEnv({ POOL_KEY, POOL_KEY_FILE }).POOL_KEY;
  return given === undefined ? null : reading('POOL_KEY', () => parsePoolKey(given));
}

/** @throws CliError when there is none, or it can not be read */
export function readPoolKey({ keyFile }: PoolKeyFiles): PoolKey {
  if (!existsSync(keyFile)) {
    throw new CliError(EXIT.config, `There is no ${keyFile}.`, {
      advice: 'Make it with `cloud-node pool-key new`, or name another file with --key-file.',
    });
  }
  return reading(keyFile, () => parsePoolKey(readFileSync(keyFile, 'utf8')));
}

export function readSuccessors({ successorsFile }: PoolKeyFiles): readonly Signed[] {
  if (!existsSync(successorsFile)) return [];
  return reading(successorsFile, () => parseSuccessors(readFileSync(successorsFile, 'utf8')));
}

export interface Rotation {
  readonly key: PoolKey;
  readonly old: PoolKey;
  /** Where the old key was put away. */
  readonly oldFile: string;
}

/** Puts a new key in the place of the old one, which signs that it hands over to it. */
export function rotatePoolKey(files: PoolKeyFiles, notBeforeMs: number): Rotation {
  const { keyFile, successorsFile } = files;
  const old = readPoolKey(files);
  const chain = readSuccessors(files);
  const last = chain.at(-1);
  if (last !== undefined && successorOf(last).publicKey !== old.publicKey) {
    throw new CliError(EXIT.config, `${keyFile} is not the last key of ${successorsFile}.`, {
      advice: 'Only the newest key can hand over: name its file with --key-file.',
    });
  }
  const key = newPoolKey();
  const link = signSuccessor(old, { publicKey: key.publicKey, notBeforeMs });
  const oldFile = `${keyFile}.${old.publicKey.slice(0, 8)}.old`;
  writeFileSync(oldFile, poolKeyPem(old), { mode: 0o600 });
  // The chain first: it is good with either key.
  replace(successorsFile, `${JSON.stringify([...chain, link], null, 2)}\n`, 0o644);
  replace(keyFile, poolKeyPem(key), 0o600);
  return { key, old, oldFile };
}

/** The variables with which the gateways of a data folder get its key, and the key; made once. */
export function poolKeyEnv(dataDir: string): { env: Readonly<Record<string, string>>; publicKey: string } {
  const files = poolKeyFiles(dataDir);
  const { publicKey } = existsSync(files.keyFile) ? readPoolKey(files) : createPoolKey(files);
  // There from the beginning: a gateway that is started again by itself reads both as they are then.
  if (!existsSync(files.successorsFile)) replace(files.successorsFile, '[]\n', 0o644);
  return {
    env: { POOL_KEY_FILE: files.keyFile, POOL_SUCCESSORS_FILE: files.successorsFile },
    publicKey,
  };
}

function replace(file: string, text: string, mode: number): void {
  writeFileSync(`${file}.new`, text, { mode });
  renameSync(`${file}.new`, file);
}

function reading<T>(file: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw new CliError(EXIT.config, `${file}: ${(cause as Error).message}.`, { cause });
  }
}
