import type { SessionView } from '../../protocol/http.js';

/** One line of a chart: a value for each version or round. */
export interface Series {
  readonly name: string;
  readonly points: readonly { readonly x: number; readonly y: number }[];
}

/** Names of metrics over all rounds, `loss` and `accuracy` first. */
export function metricNames(session: Pick<SessionView, 'history' | 'scores'>): string[] {
  const all = [
    ...session.history.flatMap(({ metrics, evaluation }) => [metrics, evaluation ?? {}]),
    ...session.scores.map((s) => s.metrics),
  ];
  const names = [...new Set(all.flatMap((metrics) => Object.keys(metrics)))];
  const order = (name: string): number => ['accuracy', 'loss'].indexOf(name) >>> 0;
  return names.sort((a, b) => order(a) - order(b) || (a < b ? -1 : 1));
}

/** What is known of a metric: in training, on the Libraries' data, on the test set. */
export function seriesOf(session: Pick<SessionView, 'history' | 'scores'>, metric: string): Series[] {
  const { history, scores } = session;
  const pick = (x: number, y: number | undefined): { x: number; y: number }[] =>
    y === undefined ? [] : [{ x, y }];
  return [
    { name: 'test set', points: scores.flatMap(({ version, metrics }) => pick(version, metrics[metric])) },
    {
      name: 'Libraries',
      // They score the version that they start from.
      points: history.flatMap(({ round, evaluation }) => pick(round - 1, evaluation?.[metric])),
    },
    { name: 'training', points: history.flatMap(({ round, metrics }) => pick(round, metrics[metric])) },
  ].filter(({ points }) => points.length > 0);
}

/** The best that is known of how good a version is: the test set, else the Libraries' data, else training. */
export function mainSeries(
  session: Pick<SessionView, 'history' | 'scores'>,
  metric: string,
): Series | undefined {
  return seriesOf(session, metric)[0];
}

/** At most `max` points with the highs and lows of each part: a peak stays a peak. */
export function thin(points: Series['points'], max: number): Series['points'] {
  if (points.length <= max) return points;
  const parts = Math.floor(max / 2);
  const kept: { x: number; y: number }[] = [];
  for (let part = 0; part < parts; part += 1) {
    const slice = points.slice(
      Math.floor((part * points.length) / parts),
      Math.floor(((part + 1) * points.length) / parts),
    );
    const sorted = [...slice].sort((a, b) => a.y - b.y);
    const [low, high] = [sorted[0], sorted.at(-1)];
    if (low === undefined || high === undefined) continue;
    kept.push(...(low.x < high.x ? [low, high] : low.x === high.x ? [low] : [high, low]));
  }
  const last = points.at(-1);
  if (last !== undefined && kept.at(-1)?.x !== last.x) kept.push(last);
  return kept;
}

export interface PhaseTimes {
  readonly round: number;
  readonly selectingMs: number;
  readonly collectingMs: number;
  readonly closingMs: number;
}

/** How long each published round waited for Libraries, collected, and was aggregated. */
export function phaseTimes({ history, createdMs }: Pick<SessionView, 'history' | 'createdMs'>): PhaseTimes[] {
  return history.map(({ round, openedMs, closedMs, publishedMs }, i) => ({
    round,
    selectingMs: Math.max(0, openedMs - (history[i - 1]?.publishedMs ?? createdMs)),
    collectingMs: Math.max(0, closedMs - openedMs),
    closingMs: Math.max(0, publishedMs - closedMs),
  }));
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const [a = NaN, b = NaN] = [sorted[middle], sorted[middle - 1]];
  return sorted.length % 2 === 1 ? a : (a + b) / 2;
}
