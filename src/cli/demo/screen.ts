import { isFinal } from '../../core/session.js';
import type { PoolStatus } from '../../protocol/http.js';
import { accuracyFirst, clock, metric } from '../format.js';
import { describePool } from '../pool-line.js';
import { padEnd, truncate, visibleLength, type Style } from '../style.js';
import { renderPlot } from './plot.js';
import type { Progress, RoundProgress } from './progress.js';

/** Everything that the live screen shows. */
export interface Scene {
  readonly title: string;
  readonly progress: Progress;
  readonly elapsedMs: number;
  readonly pool: PoolStatus | null;
  /** What the scores of the evaluator were measured on. */
  readonly testSet: string;
  /** What happened around the session, such as a process that died. */
  readonly asides: readonly string[];
  /** Hints for whoever looks on. */
  readonly footer: readonly string[];
}

export interface Size {
  readonly columns: number;
  readonly rows: number;
}

const MAX_COLUMNS = 100;
const LABEL_COLUMNS = 10;
const PLOT_ROWS = 10;
const MOST_BOXES = 40;

/** The screen as lines that fit the terminal; the same scene gives the same lines. */
export function renderScreen(scene: Scene, size: Size, style: Style): string[] {
  const width = Math.max(20, Math.min(size.columns, MAX_COLUMNS) - 4);
  const top = [
    spread(style.bold(scene.title), clock(scene.elapsedMs), width),
    '',
    labelled('round', roundBar(scene.progress, width - LABEL_COLUMNS, style), style),
    labelled(isFinal(scene.progress.state) ? 'session' : 'updates', updates(scene.progress, style), style),
    ...scores(scene, style),
  ];
  const notes = [...scene.progress.notes.slice(-2), ...scene.asides.slice(-3)].map((note) =>
    style.yellow(`! ${note}`),
  );
  const [processes, load] = scene.pool === null ? ['…', ''] : describePool(scene.pool);
  const bottom = [
    '',
    labelled('pool', processes, style),
    labelled('', load, style),
    ...(notes.length === 0 ? [] : ['', ...notes]),
    // What to try while it runs is of no use any more.
    ...(scene.footer.length === 0 || isFinal(scene.progress.state)
      ? []
      : ['', ...scene.footer.map(style.dim)]),
  ];
  // A plot that would push the rest out of a small terminal is left out.
  const left = size.rows - top.length - bottom.length - 3;
  const graph =
    left >= 5 ? ['', ...plot(scene.progress, { width, height: Math.min(PLOT_ROWS, left), style })] : [];
  return ['', ...top, ...graph, ...bottom].map((line) => `  ${truncate(line, width)}`.trimEnd());
}

function roundBar({ state, round, rounds, maxRounds }: Progress, width: number, style: Style): string {
  const done = rounds.length;
  const count = padEnd(`${round?.number ?? done} / ${maxRounds}`, 10);
  if (round === null) return `${count} ${style.dim(WAITING[state] ?? state)}`;
  const columns = Math.max(10, width - visibleLength(count) - 1);
  const filled = Math.round((Math.min(done, maxRounds) / maxRounds) * columns);
  return `${count} ${style.green('━'.repeat(filled))}${style.dim('─'.repeat(columns - filled))}`;
}

const WAITING: Readonly<Record<string, string>> = {
  queued: 'waits for its turn',
  recruiting: 'waits for Libraries',
};
const PHASES: Readonly<Record<RoundProgress['phase'], string>> = {
  selecting: 'choosing Libraries',
  collecting: 'Libraries train on their own data',
  closing: 'averaging',
  published: 'published',
};

function updates({ round, state, reason }: Progress, style: Style): string {
  if (isFinal(state)) {
    const paint = state === 'completed' ? style.green : style.red;
    return `${paint(state)}${reason === null ? '' : `: ${reason}`}`;
  }
  if (round === null) return '';
  const { received, needed, phase, attempt } = round;
  const again = attempt > 1 ? style.yellow(`  attempt ${attempt}`) : '';
  const boxes =
    needed <= MOST_BOXES
      ? `${style.green('■'.repeat(Math.min(received, needed)))}${style.dim('□'.repeat(Math.max(0, needed - received)))}  `
      : '';
  return `${padEnd(`${received} / ${needed}`, 10)} ${boxes}${style.dim(PHASES[phase])}${again}`;
}

function scores({ progress, testSet }: Scene, style: Style): string[] {
  const last = progress.scores.at(-1);
  if (last === undefined) return [labelled('test', style.dim('no version is scored yet'), style)];
  const texts = accuracyFirst(last.metrics).map(
    ([name, value]) => `${name} ${style.bold(metric(name, value))}`,
  );
  const on = style.dim(`version ${last.version}${testSet === '' ? '' : ` on ${testSet}`}`);
  return [labelled('test', `${texts.join('  ')}  ${on}`, style)];
}

function plot(
  { scores, rounds, maxRounds }: Progress,
  { width, height, style }: { width: number; height: number; style: Style },
): string[] {
  // Version 0 knows nothing yet: with it on the same axis, the rounds that matter would be a flat line.
  const tested = scores.flatMap(({ version, metrics }) => pick(version, metrics['accuracy']));
  const seen = rounds.flatMap(({ round, evaluation }) => pick(round - 1, evaluation?.['accuracy']));
  const points = tested.length > 0 ? tested : seen;
  if (points.length === 0) return [];
  const title = tested.length > 0 ? 'test accuracy by version' : "accuracy on the Libraries' data by version";
  const lines = renderPlot(points, {
    width,
    height,
    fromX: 1,
    toX: Math.max(2, maxRounds),
    label: (y) => `${Number((y * 100).toFixed(2))} %`,
    xTitle: title,
    minY: 0,
    maxY: 1,
  });
  return lines.map((line) => line.replace(/[⠁-⣿]+/g, style.cyan));
}

function pick(x: number, y: number | undefined): { x: number; y: number }[] {
  return x > 0 && y !== undefined && Number.isFinite(y) ? [{ x, y }] : [];
}

function labelled(label: string, text: string, style: Style): string {
  return `${style.dim(padEnd(label, LABEL_COLUMNS))}${text}`;
}

function spread(left: string, right: string, width: number): string {
  const room = width - right.length - 2;
  return `${padEnd(truncate(left, room), room)}  ${right}`;
}
