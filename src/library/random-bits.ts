/** Whole numbers from 0 to 2^32 - 1, all equally likely. */
export type RandomBits = () => number;

/**
 * sfc32 ("small fast counter", Chris Doty-Humphrey): passes the usual tests of randomness at a few nanoseconds a number.
 * Its seed comes from the platform's generator. Rounding needs numbers that are fair, not secret.
 */
export function randomBits(seed: Uint32Array = crypto.getRandomValues(new Uint32Array(3))): RandomBits {
  let [a = 0, b = 0, c = 0] = seed;
  let counter = 1;
  const next = (): number => {
    const result = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + result) | 0;
    return result >>> 0;
  };
  // Spreads a seed with few bits over the whole state.
  for (let i = 0; i < 12; i++) next();
  return next;
}
