import jpeg from 'jpeg-js';
import { PNG } from 'pngjs';
import { dataError } from './data-error.js';
import type { Pixels } from './resize.js';

/** A picture with a made-up size in its header must not take all memory. */
const MAX_MEGAPIXELS = 100;
const PNG_BEGIN = '89504e470d0a1a0a';
const JPEG_BEGIN = 'ffd8ff';

/** Rec. 601: how bright red, green and blue are to the eye. */
const LUMA = [0.299, 0.587, 0.114] as const;

/**
 * PNG or JPEG, told by their first bytes, as values from 0 to 1. What is transparent is seen on white.
 * @throws CliError (usage) that names the file
 */
export function decodeImage(file: string, bytes: Buffer, channels: 1 | 3): Pixels {
  const { width, height, data } = decode(file, bytes);
  const values = new Float32Array(width * height * channels);
  for (let i = 0; i < width * height; i++) {
    const alpha = (data[i * 4 + 3] ?? 255) / 255;
    const on = (c: number): number => ((data[i * 4 + c] ?? 0) / 255) * alpha + 1 - alpha;
    if (channels === 1) values[i] = LUMA[0] * on(0) + LUMA[1] * on(1) + LUMA[2] * on(2);
    else for (let c = 0; c < 3; c++) values[i * 3 + c] = on(c);
  }
  return { width, height, channels, values };
}

interface Rgba {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

function decode(file: string, bytes: Buffer): Rgba {
  const begin = bytes.toString('hex', 0, 8);
  try {
    if (begin === PNG_BEGIN) {
      const megapixels = (bytes.readUInt32BE(16) * bytes.readUInt32BE(20)) / 1e6;
      if (megapixels > MAX_MEGAPIXELS) throw new Error(`it has more than ${MAX_MEGAPIXELS} megapixels`);
      return PNG.sync.read(bytes);
    }
    if (begin.startsWith(JPEG_BEGIN)) {
      return jpeg.decode(bytes, { useTArray: true, maxResolutionInMP: MAX_MEGAPIXELS });
    }
  } catch (error) {
    throw dataError({ file }, `the image cannot be read: ${(error as Error).message}.`);
  }
  throw dataError({ file }, 'this is no PNG and no JPEG.');
}
