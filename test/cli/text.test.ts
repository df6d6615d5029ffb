import { describe, expect, it } from '@jest/globals';
import { bytes, clock, count, duration, metric, parseDuration, relativeTime } from '../../src/cli/format.js';
import { COLOURS, NO_COLOURS, styleFor, truncate, visibleLength } from '../../src/cli/style.js';
import { renderFields, renderTable } from '../../src/cli/table.js';

describe('tables', () => {
  const columns = [
    { title: 'Name', value: (row: { name: string; n: number }) => row.name },
    { title: 'Updates', value: (row: { n: number }) => String(row.n), align: 'right' as const },
  ];
  const rows = [
    { name: 'a', n: 7 },
    { name: 'longer', n: 12_345 },
  ];

  it('aligns columns under their titles', () => {
    expect(renderTable(columns, rows, { style: NO_COLOURS, empty: '' })).toEqual([
      'NAME    UPDATES',
      'a             7',
      'longer    12345',
    ]);
  });

  it('counts columns without the colour marks, and cuts without breaking them', () => {
    const painted = [{ title: 'State', value: () => COLOURS.green('running') }];
    const [, line = ''] = renderTable(painted, [{}], { style: NO_COLOURS, width: 5, empty: '' });
    expect(visibleLength(line)).toBe(5);
    expect(line).toBe('\x1b[32mrunn…\x1b[39m');
  });

  it('says why there is nothing', () => {
    expect(renderTable(columns, [], { style: NO_COLOURS, empty: 'Nothing yet.' })).toEqual(['Nothing yet.']);
  });

  it('aligns fields', () => {
    expect(
      renderFields(
        [
          ['repo', 'demo'],
          ['status', 'idle'],
        ],
        NO_COLOURS,
      ),
    ).toEqual(['repo    demo', 'status  idle']);
  });
});

it('colours only on a terminal, and not with NO_COLOR', () => {
  expect(styleFor({ isTTY: true }, {}).red('x')).toBe('\x1b[31mx\x1b[39m');
  expect(styleFor({ isTTY: true }, { NO_COLOR: '1' }).red('x')).toBe('x');
  expect(styleFor({ isTTY: true }, { TERM: 'dumb' }).red('x')).toBe('x');
  expect(styleFor({}, {}).red('x')).toBe('x');
  expect(truncate('short', 10)).toBe('short');
});

it('writes times, sizes and numbers for people', () => {
  const nowMs = 1_000_000_000;
  expect(relativeTime(nowMs - 1_000, nowMs)).toBe('just now');
  expect(relativeTime(nowMs - 125_000, nowMs)).toBe('2 min ago');
  expect(relativeTime(nowMs + 3 * 3_600_000, nowMs)).toBe('in 3 h');
  expect(relativeTime(nowMs - 50 * 3_600_000, nowMs)).toBe('2 d ago');
  expect([duration(850), duration(2_100), duration(200_000)]).toEqual(['850 ms', '2.1 s', '3 min 20 s']);
  expect(clock(247_900)).toBe('4:07');
  expect([bytes(17), bytes(1_536), bytes(12.34 * 2 ** 20)]).toEqual(['17 B', '1.5 KiB', '12.3 MiB']);
  expect([count(1, 'gateway'), count(2, 'gateway'), count(3, 'Library')]).toEqual([
    '1 gateway',
    '2 gateways',
    '3 Libraries',
  ]);
  expect([metric('accuracy', 0.96314), metric('loss', 0.12)]).toEqual(['96.31 %', '0.1200']);
  expect([parseDuration('12h'), parseDuration('90s'), parseDuration('soon')]).toEqual([
    43_200_000,
    90_000,
    null,
  ]);
});
