/** Encoded shards for the tests. */
import fc from 'fast-check';

/** The value of a finite f16, from its definition. */
export function valueOfHalf(half: number): number {
  const exponent = (half >> 10) & 31;
  const fraction = half & 1023;
  const magnitude = exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15);
  return half & 0x8000 ? -magnitude : magnitude;
}

export function f16Shard(halves: readonly number[]): Uint8Array {
  return new Uint8Array(Uint16Array.from(halves).buffer);
}

export function q8Shard(scale: number, values: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(4 + values.length);
  new DataView(bytes.buffer).setFloat32(0, scale, true);
  bytes.set(values, 4);
  return bytes;
}

/** Every finite f16; often zeros, subnormals and the largest. */
export const half = fc
  .tuple(
    fc.oneof(fc.constantFrom(0, 1, 0x3ff, 0x400, 0x7bff), fc.nat(0x3ff), fc.nat(0x7bff)),
    fc.constantFrom(0, 0x8000),
  )
  .map(([magnitude, sign]) => magnitude | sign);

/** Any legal scale of q8 up to `max`, subnormal ones too. */
export function q8Scale(max: number): fc.Arbitrary<number> {
  const view = new DataView(new ArrayBuffer(4));
  view.setFloat32(0, max);
  return fc.oneof(fc.constantFrom(0, 1), fc.nat(view.getUint32(0) >>> 8)).map((upper) => {
    view.setUint32(0, upper * 256);
    return view.getFloat32(0);
  });
}

export const q8Value = fc.integer({ min: -127, max: 127 });
