import { stat } from 'node:fs/promises';
import { usageError } from '../errors.js';
import { dataError } from './data-error.js';
import type { DataOptions, ReadData } from './options.js';

type Format = 'table' | 'npz' | 'npy' | 'images';

/** What each option is for; with another format it would have no effect, which nobody would notice. */
const FOR: Readonly<Record<Exclude<keyof DataOptions, 'scale'>, readonly Format[]>> = {
  label: ['table', 'npy'],
  drop: ['table'],
  categories: ['table'],
  skipIncomplete: ['table'],
  delimiter: ['table'],
  encoding: ['table', 'images'],
  arrays: ['npz'],
  imageSize: ['images'],
  channels: ['images'],
};

/**
 * Reads a CSV or TSV file, a NumPy .npz or .npy, or a folder of images.
 * @throws CliError (usage) with file, line and column of what cannot be used
 */
export async function readData(place: string, options: DataOptions): Promise<ReadData> {
  const format = await formatOf(place);
  for (const [name, formats] of Object.entries(FOR)) {
    if (options[name as keyof DataOptions] === undefined || formats.includes(format)) continue;
    const flag = `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
    throw usageError(`${flag} is for ${formats.join(' and ')} data; ${place} is ${format}.`);
  }
  switch (format) {
    case 'table':
      return (await import('./read-csv.js')).readCsv(place, options);
    case 'npz':
      return (await import('./read-numpy.js')).readNpz(place, options);
    case 'npy':
      return (await import('./read-numpy.js')).readNpyTable(place, options);
    case 'images':
      return (await import('./read-images.js')).readImages(place, options);
  }
}

async function formatOf(place: string): Promise<Format> {
  const found = await stat(place).catch((error: Error) => {
    throw dataError({ file: place }, `cannot be read (${error.message}).`);
  });
  if (found.isDirectory()) return 'images';
  if (/\.(csv|tsv)$/i.test(place)) return 'table';
  if (/\.npz$/i.test(place)) return 'npz';
  if (/\.npy$/i.test(place)) return 'npy';
  throw dataError({ file: place }, 'use a .csv, .tsv, .npz or .npy file, or a folder of images.');
}
