/**
 * `n` f32 at `from` to the nearest f16 at `to`, ties to even; may work in place. The rounding of a normal value is that
 * of an integer, of its bits; adding 1/2 to a smaller one leaves its 10 bits at the end, rounded by the addition.
 * Wrong for what rounds to 65536 and more: the caller has looked.
 */
export function encodeF16(from: usize, to: usize, n: usize): void {
  for (const end = from + (n << 2); from < end; from += 4, to += 2) {
    const bits = load<u32>(from);
    const magnitude = bits & 0x7fffffff;
    const normal = (magnitude - 0x38000000 + 0xfff + ((magnitude >> 13) & 1)) >> 13;
    const subnormal = reinterpret<u32>(reinterpret<f32>(magnitude) + 0.5) - 0x3f000000;
    store<u16>(to, ((bits >> 16) & 0x8000) | (magnitude < 0x38800000 ? subnormal : normal));
  }
}
