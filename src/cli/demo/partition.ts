import { sample, seededRandom } from '../../core/random.js';

/** Who holds what: for each Library the rows it has. */
export type Parts = readonly Uint32Array[];

/**
 * Deals shuffled rows: each part looks like the whole. Sizes differ by at most one.
 * @throws RangeError unless `parts` is a whole number from 1.
 */
export function partitionIid(rows: number, parts: number, seed: number): Parts {
  requireParts(parts);
  const order = sample([...Array(rows).keys()], rows, seededRandom(seed));
  let start = 0;
  return Array.from({ length: parts }, (_, part) => {
    const end = start + Math.floor(rows / parts) + (part < rows % parts ? 1 : 0);
    const own = Uint32Array.from(order.slice(start, end));
    start = end;
    return own;
  });
}

/**
 * The pathological split of McMahan 2017: rows sorted by label are cut into `2 × parts` slices and each part gets two of
 * them, so that with ten parts of MNIST most hold two digits. Sizes differ by at most one.
 * @param labels the class of each row
 * @throws RangeError unless `parts` is a whole number from 1.
 */
export function partitionByLabel(labels: ArrayLike<number>, parts: number, seed: number): Parts {
  requireParts(parts);
  const sorted = Array.from(labels, (_, row) => row).sort(
    (a, b) => (labels[a] ?? 0) - (labels[b] ?? 0) || a - b,
  );
  const slices = 2 * parts;
  const size = Math.floor(sorted.length / slices);
  const larger = sorted.length % slices;
  // Part p gets the slices order[p] and order[parts + p]. Handing the spare rows out in that order keeps sizes within one.
  const order = sample([...Array(slices).keys()], slices, seededRandom(seed));
  const rank = new Array<number>(slices);
  order.forEach((slice, place) => (rank[slice] = place));
  let start = 0;
  const cuts = rank.map((place) => {
    const end = start + size + (place < larger ? 1 : 0);
    const cut = sorted.slice(start, end);
    start = end;
    return cut;
  });
  return Array.from({ length: parts }, (_, part) =>
    Uint32Array.from([order[part], order[parts + part]].flatMap((slice) => cuts[slice ?? -1] ?? [])),
  );
}

function requireParts(parts: number): void {
  if (!Number.isSafeInteger(parts) || parts < 1) {
    throw new RangeError(`${parts} parts are not possible; use a whole number from 1.`);
  }
}
