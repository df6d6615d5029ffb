import { describe, expect, it } from '@jest/globals';
import { renderPlot } from '../../src/cli/demo/plot.js';
import { advance, beginProgress, type Progress } from '../../src/cli/demo/progress.js';
import { RoundLines } from '../../src/cli/demo/round-lines.js';
import { renderScreen, type Scene } from '../../src/cli/demo/screen.js';
import { startLiveBlock } from '../../src/cli/demo/live.js';
import { COLOURS, NO_COLOURS, visibleLength } from '../../src/cli/style.js';
import type { SessionEvent } from '../../src/core/decision.js';
import type { PoolStatus, SessionView } from '../../src/protocol/http.js';
import { watchProcessListeners } from '../helpers/leaks.js';
import { node, sessionEvents } from './session-events.js';

const view = { job: { termination: { maxRounds: 10 } }, history: [], scores: [] } as unknown as SessionView;
const after = (events: readonly SessionEvent[]): Progress => events.reduce(advance, beginProgress(view));

const pool: PoolStatus = {
  nodes: [node('gateway', 1), node('gateway', 2), node('coordinator', 1), node('aggregator', 1)],
  repos: 1,
  activeSessions: 1,
  slots: { total: 2, rented: 2 },
  rentals: [],
  queues: {},
  redis: { usedMemoryBytes: 12 * 2 ** 20, maxMemoryBytes: 0, appendOnly: true },
};
const scene = (progress: Progress): Scene => ({
  title: 'MNIST · 10 Libraries',
  progress,
  elapsedMs: 42_000,
  pool,
  testSet: 'all 10,000 test images',
  asides: ['gateway-1 ended (SIGKILL); it is started again'],
  footer: ['Try it: kill -9 17'],
});

describe('progress', () => {
  it('follows a session through its events', () => {
    const progress = after(sessionEvents({ rounds: 3, received: 6 }));
    expect(progress).toMatchObject({
      state: 'running',
      maxRounds: 10,
      round: { number: 4, phase: 'collecting', selected: 10, needed: 10, received: 6 },
    });
    expect(progress.rounds.map(({ round }) => round)).toEqual([1, 2, 3]);
  });

  it('may be told the same twice', () => {
    const events = sessionEvents({ rounds: 3, received: 6 });
    expect(after([...events, ...events])).toEqual(after(events));
  });

  it('notes what did not go smoothly and shows how it ended', () => {
    const progress = after([
      ...sessionEvents({ rounds: 1, received: 2 }),
      { type: 'round.abandoned', round: 2, attempt: 1, reason: '2 updates of at least 3' },
      { type: 'session.failed', reason: 'round 2 failed 4 times' },
    ]);
    expect(progress.notes).toEqual([
      'round 2, attempt 1: given up (2 updates of at least 3); it is tried again',
    ]);
    expect(progress).toMatchObject({ state: 'failed', reason: 'round 2 failed 4 times' });
  });
});

describe('screen', () => {
  const size = { columns: 80, rows: 40 };
  const progress = after(sessionEvents({ rounds: 6, received: 4 }));

  it('shows round, updates, scores, plot, pool and what to try', () => {
    const text = renderScreen(scene(progress), size, NO_COLOURS).join('\n');
    expect(text).toMatch(/MNIST · 10 Libraries +0:42$/m);
    expect(text).toMatch(/round +7 \/ 10 +━+─+$/m);
    expect(text).toMatch(/updates +4 \/ 10 +■■■■□□□□□□ +Libraries train on their own data/);
    expect(text).toMatch(/test +accuracy 9\d\.\d\d % +loss 0\.\d{4} +version 6 on all 10,000 test images/);
    expect(text).toMatch(/[⠁-⣿]/);
    expect(text).toMatch(/pool +2 gateways · 1 coordinator · 1 aggregator$/m);
    expect(text).toMatch(/^ +0 of 2 aggregator slots busy · Redis 12\.0 MiB$/m);
    expect(text).toContain('! gateway-1 ended');
    expect(text).toContain('Try it: kill -9 17');
  });

  it('fits the terminal, colours or not', () => {
    for (const columns of [40, 60, 80, 200]) {
      for (const rows of [15, 24, 40]) {
        const plain = renderScreen(scene(progress), { columns, rows }, NO_COLOURS);
        const coloured = renderScreen(scene(progress), { columns, rows }, COLOURS);
        expect(Math.max(...coloured.map(visibleLength))).toBeLessThanOrEqual(Math.min(columns, 100));
        expect(coloured.map(visibleLength)).toEqual(plain.map(visibleLength));
        expect(plain.length).toBeLessThan(rows + (rows < 20 ? 5 : 0));
      }
    }
  });

  it('says what a session waits for before the first round', () => {
    const text = renderScreen(scene(after([{ type: 'session.recruiting', reason: null }])), size, NO_COLOURS);
    expect(text.join('\n')).toMatch(/round +0 \/ 10 +waits for Libraries/);
    expect(text.join('\n')).toContain('no version is scored yet');
  });
});

describe('plot', () => {
  const options = {
    width: 40,
    height: 8,
    fromX: 1,
    toX: 5,
    label: (y: number) => `${y * 100} %`,
    xTitle: 'round',
  };

  it('has a rising line between labelled axes', () => {
    const lines = renderPlot(
      [1, 2, 3, 4, 5].map((x) => ({ x, y: x / 5 })),
      { ...options, minY: 0, maxY: 1 },
    );
    expect(lines).toHaveLength(8);
    expect(lines[0]).toMatch(/^100 % ┤ +[⠁-⣿]+$/);
    expect(lines[5]).toMatch(/^ +0 % ┤/);
    expect(lines[6]).toMatch(/^ +└─+$/);
    expect(lines[7]).toMatch(/^ +1 +round +5$/);
    const firstDots = lines
      .slice(0, 6)
      .map((line) => line.search(/[⠁-⣿]/))
      .filter((at) => at >= 0);
    expect(firstDots).toEqual([...firstDots].sort((a, b) => b - a));
  });

  it('survives one point, equal points and none', () => {
    for (const points of [
      [],
      [{ x: 1, y: 0.5 }],
      [
        { x: 1, y: 0 },
        { x: 5, y: 0 },
      ],
    ]) {
      const lines = renderPlot(points, options);
      expect(lines).toHaveLength(8);
      expect(lines.join('')).not.toContain('NaN');
    }
  });
});

describe('lines', () => {
  it('says each round once, when its score is there', () => {
    const lines = new RoundLines(NO_COLOURS);
    const events = sessionEvents({ rounds: 2, received: 0 });
    const published = events.findIndex(({ type }) => type === 'round.published');
    expect(lines.take(after(events.slice(0, published + 1)), false)).toEqual([]);
    const said = lines.take(after(events), false);
    expect(said).toHaveLength(2);
    expect(said[0]).toMatch(/^round {2}1\/10 {2}10 of 10 updates {2}2\.0 s {2}test accuracy 9\d\.\d\d %/);
    expect(lines.take(after(events), true)).toEqual([]);
  });

  it('does not wait for ever for a score', () => {
    const unscored = sessionEvents({ rounds: 1, received: 0 }).filter(
      ({ type }) => type !== 'version.scored',
    );
    const lines = new RoundLines(NO_COLOURS);
    expect(lines.take(after(unscored), false)).toEqual([]);
    expect(lines.take(after(unscored), true)[0]).toContain('not scored');
  });
});

it('draws a block over the one before, and shows the cursor again', () => {
  const assertNoLeaks = watchProcessListeners();
  let written = '';
  const block = startLiveBlock({ write: (text: string | Uint8Array) => ((written += String(text)), true) });
  block.draw(['a', 'b']);
  block.draw(['a', 'b']);
  block.draw(['c']);
  block.end();
  block.end();
  assertNoLeaks();
  expect(written.startsWith('\x1b[?25l')).toBe(true);
  expect(written.endsWith('\x1b[?25h')).toBe(true);
  expect(written.split('\x1b[2A')).toHaveLength(2);
  expect(written.split('\x1b[?2026h')).toHaveLength(3);
});
