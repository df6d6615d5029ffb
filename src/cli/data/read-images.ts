import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { dataError } from './data-error.js';
import { decodeImage } from './decode-image.js';
import { inOrder, readEncoding, writeEncoding } from './encoding.js';
import type { DataOptions, ImageSize, ReadData } from './options.js';
import { resize } from './resize.js';

interface Found {
  readonly file: string;
  readonly label: number;
}

/**
 * A folder with one folder a class, full of PNG and JPEG files. All images get the same size: that of `imageSize`, or
 * the one that they all have.
 *
 * @throws CliError (usage) that names the file
 */
export async function readImages(folder: string, options: DataOptions): Promise<ReadData> {
  if (options.scale === 'standard') {
    throw dataError(
      { file: folder },
      '--scale standard is for CSV; images are divided by 255 unless "none".',
    );
  }
  const known = await readEncoding(options.encoding, 'images');
  const folders = inOrder(await foldersIn(folder));
  const classes = known?.classes ?? folders;
  const stranger = folders.find((name) => !classes.includes(name));
  if (stranger !== undefined) {
    throw dataError({ file: path.join(folder, stranger) }, `the encoding has no class "${stranger}".`);
  }
  const found = (
    await Promise.all(folders.map((name) => imagesIn(path.join(folder, name), classes.indexOf(name))))
  ).flat();
  if (found.length === 0) throw dataError({ file: folder }, 'no class has an image.');

  const { channels = 3 } = options;
  const factor = options.scale === 'none' ? 255 : 1;
  let size = options.imageSize;
  let inputs = new Float32Array(0);
  for (const [i, { file }] of found.entries()) {
    const image = decodeImage(file, await readFile(file), channels);
    size ??= image;
    if (options.imageSize === undefined) checkSize(file, image, size);
    const { values } = resize(image, size);
    if (i === 0) inputs = new Float32Array(found.length * values.length);
    inputs.set(factor === 1 ? values : values.map((value) => value * factor), i * values.length);
  }
  if (known === null) await writeEncoding(options.encoding, { v: 1, kind: 'images', classes: [...classes] });
  const { width, height } = size as ImageSize;
  return {
    data: {
      inputs,
      inputShape: [height, width, channels],
      labels: Float32Array.from(found, ({ label }) => label),
      labelShape: [1],
    },
    numExamples: found.length,
    classes,
    normalisation: factor === 1 ? 'values from 0 to 1 (divided by 255)' : 'values from 0 to 255',
    skipped: 0,
  };
}

async function foldersIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'));
  if (names.length > 0) return names.map(({ name }) => name);
  throw dataError({ file: folder }, 'there are no folders in it: one a class is needed.');
}

async function imagesIn(folder: string, label: number): Promise<Found[]> {
  const names = (await readdir(folder)).filter((name) => !name.startsWith('.')).sort();
  return names.map((name) => {
    const file = path.join(folder, name);
    if (/\.(png|jpe?g)$/i.test(name)) return { file, label };
    throw dataError({ file }, 'this is no .png, .jpg or .jpeg.');
  });
}

function checkSize(file: string, { width, height }: ImageSize, first: ImageSize): void {
  if (width === first.width && height === first.height) return;
  const message = `${width}x${height} pixels; the first image has ${first.width}x${first.height}.`;
  throw dataError({ file }, message, 'Give all the same size: --image-size <width>x<height>.');
}
