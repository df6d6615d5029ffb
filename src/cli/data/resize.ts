import type { ImageSize } from './options.js';

/** Channels side by side, rows from the top, values as they were. */
export interface Pixels extends ImageSize {
  readonly channels: number;
  readonly values: Float32Array;
}

/**
 * Another size by linear interpolation; when an image shrinks, over all pixels that fall into one, so that nothing is
 * skipped.
 */
export function resize(image: Pixels, { width, height }: ImageSize): Pixels {
  if (image.width === width && image.height === height) return image;
  const { channels } = image;
  const across = weightsOf(image.width, width);
  const narrow = new Float32Array(image.height * width * channels);
  for (let y = 0; y < image.height; y++) {
    for (let x = 0; x < width; x++) {
      const { first, weights } = across[x] as Span;
      for (let c = 0; c < channels; c++) {
        let sum = 0;
        for (const [i, weight] of weights.entries()) {
          sum += weight * (image.values[(y * image.width + first + i) * channels + c] ?? 0);
        }
        narrow[(y * width + x) * channels + c] = sum;
      }
    }
  }
  const down = weightsOf(image.height, height);
  const rowLength = width * channels;
  const values = new Float32Array(height * rowLength);
  for (let y = 0; y < height; y++) {
    const { first, weights } = down[y] as Span;
    for (const [i, weight] of weights.entries()) {
      for (let x = 0; x < rowLength; x++) {
        values[y * rowLength + x] =
          (values[y * rowLength + x] ?? 0) + weight * (narrow[(first + i) * rowLength + x] ?? 0);
      }
    }
  }
  return { width, height, channels, values };
}

interface Span {
  readonly first: number;
  readonly weights: readonly number[];
}

/** For each place of the result: the places it comes from, by their nearness to its centre. */
function weightsOf(from: number, to: number): Span[] {
  const scale = from / to;
  const reach = Math.max(1, scale);
  return Array.from({ length: to }, (_, place) => {
    const centre = (place + 0.5) * scale;
    const first = Math.max(0, Math.floor(centre - reach));
    const last = Math.min(from, Math.ceil(centre + reach));
    const near = Array.from({ length: last - first }, (__, i) =>
      Math.max(0, 1 - Math.abs(first + i + 0.5 - centre) / reach),
    );
    const sum = near.reduce((total, weight) => total + weight, 0);
    return { first, weights: near.map((weight) => weight / sum) };
  });
}
