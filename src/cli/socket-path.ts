import { createHash } from 'node:crypto';
import { lstatSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** `sun_path` holds 108 bytes with its final zero on Linux, 104 on macOS and the BSDs. */
const MAX_PATH_BYTES = process.platform === 'linux' ? 107 : 103;

/**
 * Where the socket of a server in `dir` goes: beside its data, or, where that path is too long for a socket, in a
 * folder of the temp directory that only this user may enter. The same `dir` always gets the same path.
 */
export function chooseSocketPath(dir: string): string {
  const beside = path.join(dir, 'redis.sock');
  if (Buffer.byteLength(beside) <= MAX_PATH_BYTES) return beside;
  const owner = process.getuid?.() ?? 0;
  const folder = path.join(tmpdir(), `cloud-node-${owner}`);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const { uid, mode } = lstatSync(folder);
  // Others can create folders in the temp directory too, with a trap inside.
  if (uid !== owner || (mode & 0o077) !== 0) {
    throw new Error(
      `${folder} must belong to you alone (mode 700). Remove it, or use a data folder with a shorter path.`,
    );
  }
  const name = createHash('sha256').update(dir).digest('hex').slice(0, 16);
  const short = path.join(folder, `${name}.sock`);
  if (Buffer.byteLength(short) <= MAX_PATH_BYTES) return short;
  throw new Error(
    `${dir} and the temp folder ${tmpdir()} are both too long for a Unix socket. Set TMPDIR to a shorter one.`,
  );
}
