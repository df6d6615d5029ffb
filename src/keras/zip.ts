import { unzipSync, zipSync, type UnzipFileInfo } from 'fflate';
import { badFile } from './json.js';

/** Largest factor by which DEFLATE can grow what it was given. */
const MAX_EXPANSION = 1_040;
const MAX_ENTRIES = 10_000;
const STORED = 0;
const DEFLATED = 8;

/** Whether the bytes begin as a zip archive does. */
export function isZip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x50 && bytes[1] === 0x4b && bytes[2] === 3 && bytes[3] === 4;
}

/**
 * Takes the named files out of an archive; those that are not there are absent.
 * @param limits bytes that each file may have when it is inflated
 * @throws `invalid_model` when the archive is broken, or a file is larger or says that it is
 */
export function readZip<Name extends string>(
  bytes: Uint8Array,
  limits: Readonly<Record<Name, number>>,
): Partial<Record<Name, Uint8Array>> {
  let entries = 0;
  const wanted = new Set<string>();
  const filter = (file: UnzipFileInfo): boolean => {
    entries += 1;
    if (entries > MAX_ENTRIES) throw badFile(`The archive has more than ${MAX_ENTRIES} files.`);
    if (!Object.hasOwn(limits, file.name)) return false;
    if (wanted.has(file.name)) throw badFile(`The archive has two files named "${file.name}".`);
    wanted.add(file.name);
    check(file, limits[file.name as Name]);
    return true;
  };
  let files: Record<string, Uint8Array>;
  try {
    files = unzipSync(bytes, { filter });
  } catch (error) {
    if (error instanceof Error && error.name === 'CloudNodeError') throw error;
    throw badFile(
      `The file is not a whole zip archive: ${error instanceof Error ? error.message : 'broken'}.`,
    );
  }
  return files as Partial<Record<Name, Uint8Array>>;
}

/** The archive with its files as they are: weights hardly shrink, and Keras stores them too. */
export function writeZip(files: Readonly<Record<string, Uint8Array>>): Uint8Array {
  return zipSync({ ...files }, { level: 0 });
}

/** The buffer for a file is made as large as it says, so what it says is looked at first. */
function check({ name, size, originalSize, compression }: UnzipFileInfo, limit: number): void {
  if (compression !== STORED && compression !== DEFLATED)
    throw badFile(
      `"${name}" is compressed by method ${compression}; only stored and deflated files are read.`,
    );
  if (originalSize > limit) throw badFile(`"${name}" has ${originalSize} bytes; the limit is ${limit}.`);
  if (originalSize > size * MAX_EXPANSION + 64)
    throw badFile(`"${name}" says that ${size} bytes become ${originalSize}, which no compression does.`);
}
