/** Round numbers that span [low, high], about `count` of them. */
export function ticks(low: number, high: number, count: number): number[] {
  if (!(high > low)) return [low];
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 2.5, 5, 10].find((factor) => factor * power >= rough) ?? 10) * power;
  const first = Math.ceil(low / step - 1e-9) * step;
  return Array.from({ length: Math.floor((high - first) / step + 1e-9) + 1 }, (_, i) =>
    Number((first + i * step).toPrecision(12)),
  );
}

/** The same for what is counted. */
export function wholeTicks(low: number, high: number, count: number): number[] {
  return [...new Set(ticks(low, high, count).filter(Number.isInteger))];
}

/** The same with both ends, and nothing closer to them than `room`: one sees from where to where it goes. */
export function endedTicks(
  low: number,
  high: number,
  { count, room }: { count: number; room: number },
): number[] {
  const between = wholeTicks(low, high, count).filter((x) => x - low >= room && high - x >= room);
  return [...new Set([low, ...between, high])];
}

export function extent(values: readonly number[]): [number, number] {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return [low, high];
}
