import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { jobSchema } from '../../src/protocol/job.js';
import { formatBytes, formatDuration, formatMetric } from '../../src/dashboard/lib/format.js';
import { jobFaults, jobFields, jobOf, refusedFields } from '../../src/dashboard/lib/job-fields.js';
import { href, parseRoute } from '../../src/dashboard/lib/route.js';
import { median, phaseTimes, thin } from '../../src/dashboard/lib/series.js';
import { wantedOf } from '../../src/dashboard/lib/wanted.js';
import { endedTicks, ticks } from '../../src/dashboard/ui/scale.js';
import { fieldRows } from '../docs/json-schema.js';
import { type CloudNodeError } from '../../src/protocol/errors.js';
import { parse } from '../../src/protocol/parse.js';

describe('the form of the job', () => {
  const fields = jobFields();

  test('has every field of the schema that holds a value, with its words and its default', () => {
    const rows = fieldRows(jobSchema).filter(({ field }) => field !== 'termination.target');
    expect(fields.map(({ path }) => path)).toEqual(rows.map(({ field }) => field));
    for (const { path, help, label } of fields) {
      expect([path, help]).toEqual([path, expect.not.stringMatching(/required/i)]);
      if (!path.startsWith('termination.target'))
        expect([path, help]).toEqual([path, expect.stringMatching(/\w/)]);
      expect(label).toMatch(/^[A-Z]/);
    }
    const byPath = new Map(fields.map((field) => [field.path, field]));
    expect(byPath.get('selection.goal')).toMatchObject({
      defaultText: '10',
      kind: 'integer',
      isRequired: false,
    });
    expect(byPath.get('hyperparams.batchSize')).toMatchObject({ defaultText: '', isRequired: true });
    expect(byPath.get('hyperparams.metrics')).toMatchObject({ kind: 'list', defaultText: 'accuracy' });
    expect(byPath.get('update.encoding')?.choices).toEqual(['f32', 'f16', 'q8']);
  });

  test('makes a job of what was typed, in which empty fields are left to their defaults', () => {
    const job = jobOf(
      {
        modelId: 'm-1',
        'hyperparams.batchSize': ' 8 ',
        'hyperparams.shuffle': 'false',
        'hyperparams.metrics': 'accuracy, mse',
        'termination.target.metric': 'accuracy',
        'termination.target.value': '0.9',
        'selection.goal': '',
      },
      fields,
    );
    expect(job).toEqual({
      modelId: 'm-1',
      hyperparams: { batchSize: 8, shuffle: false, metrics: ['accuracy', 'mse'] },
      termination: { target: { metric: 'accuracy', value: 0.9 } },
    });
    expect(jobFaults(job).size).toBe(0);
  });

  test('finds what is wrong at the field, as the pool does', () => {
    expect([...jobFaults(jobOf({}, fields))]).toEqual([
      ['modelId', 'It is required.'],
      ['hyperparams.batchSize', 'It is required.'],
    ]);
    const typed = {
      modelId: 'm-1',
      'hyperparams.batchSize': 'many',
      'continuation.value': '3',
      'selection.goal': '0',
    };
    const job = jobOf(typed, fields);
    const faults = [...jobFaults(job).keys()];
    expect(faults.sort()).toEqual(['continuation.value', 'hyperparams.batchSize', 'selection.goal']);
    let message = '';
    try {
      parse(jobSchema, job, 'invalid_job');
    } catch (error) {
      message = (error as CloudNodeError).message;
    }
    expect([...refusedFields(message).keys()].sort()).toEqual(faults);
  });
});

describe('numbers and lines', () => {
  test('numbers have units, and an accuracy is in percent', () => {
    expect([formatBytes(0), formatBytes(1536), formatBytes(3 * 2 ** 30)]).toEqual([
      '0\u00a0B',
      '1.5\u00a0KiB',
      '3.0\u00a0GiB',
    ]);
    expect([formatDuration(12), formatDuration(1_250), formatDuration(61_000)]).toEqual([
      '12\u00a0ms',
      '1.3\u00a0s',
      '1\u00a0min 1\u00a0s',
    ]);
    expect([
      formatMetric('accuracy', 0.9303),
      formatMetric('loss', 0.2336),
      formatMetric('loss', undefined),
    ]).toEqual(['93.03\u00a0%', '0.2336', '–']);
  });

  test('ticks are within the range, in order, and neither few nor many', () => {
    const value = fc.double({ min: -1e6, max: 1e6, noNaN: true });
    fc.assert(
      fc.property(value, fc.double({ min: 1e-3, max: 1e6, noNaN: true }), (low, size) => {
        const all = ticks(low, low + size, 5);
        expect(all.length).toBeGreaterThanOrEqual(2);
        expect(all.length).toBeLessThanOrEqual(7);
        for (const [i, tick] of all.entries()) {
          expect(tick).toBeGreaterThanOrEqual(low - size * 1e-6);
          expect(tick).toBeLessThanOrEqual(low + size * (1 + 1e-6));
          if (i > 0) expect(tick).toBeGreaterThan(all[i - 1]!);
        }
      }),
    );
  });

  test('an axis begins and ends with a number, and none is close to them', () => {
    expect(endedTicks(1, 18, { count: 3, room: 2 })).toEqual([1, 10, 18]);
    expect(endedTicks(0, 1, { count: 3, room: 2 })).toEqual([0, 1]);
    expect(endedTicks(0, 20, { count: 4, room: 2 })).toEqual([0, 5, 10, 15, 20]);
  });

  test('a thinned line keeps its order, its last point, its highest and its lowest', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: -100, max: 100, noNaN: true }), { minLength: 1, maxLength: 3_000 }),
        (ys) => {
          const points = ys.map((y, x) => ({ x, y }));
          const kept = thin(points, 100);
          expect(kept.length).toBeLessThanOrEqual(Math.max(101, 0));
          expect(kept.map(({ x }) => x)).toEqual([...new Set(kept.map(({ x }) => x))].sort((a, b) => a - b));
          expect(kept.at(-1)?.x).toBe(points.at(-1)?.x);
          expect(Math.max(...kept.map(({ y }) => y))).toBe(Math.max(...ys));
          expect(Math.min(...kept.map(({ y }) => y))).toBe(Math.min(...ys));
        },
      ),
    );
  });

  test('the time of a round is split at its marks', () => {
    const round = {
      attempt: 1,
      selected: 1,
      updates: 1,
      totalExamples: 1,
      metrics: {},
      evaluation: null,
      sha256: '',
    };
    const history = [
      { ...round, round: 1, openedMs: 110, closedMs: 150, publishedMs: 155 },
      { ...round, round: 2, openedMs: 157, closedMs: 257, publishedMs: 260 },
    ];
    expect(phaseTimes({ createdMs: 100, history })).toEqual([
      { round: 1, selectingMs: 10, collectingMs: 40, closingMs: 5 },
      { round: 2, selectingMs: 2, collectingMs: 100, closingMs: 3 },
    ]);
    expect([median([3, 1, 2]), median([4, 1, 2, 3])]).toEqual([2, 2.5]);
  });

  test('a route is what its link says', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ minLength: 1 }), { maxLength: 4 }), fc.string(), (parts, value) => {
        const route = parseRoute(href(parts, { value }));
        expect([route.parts, route.query.get('value')]).toEqual([parts, value]);
      }),
    );
    expect(parseRoute('#/a%ZZ/b').parts).toEqual(['a%ZZ', 'b']);
  });
});

test.each([
  [{}, 'Opens with 10 Libraries, at the deadline with 3 or more.'],
  [{ datasetId: 'eeg', selection: { goal: 3 } }, 'Opens with 3 Libraries with data set “eeg”.'],
  [{ selection: { goal: 1 }, continuation: { minUpdates: 1 } }, 'Opens with 1 Library.'],
])('whom a session waits for: %j', (job, words) => {
  expect(wantedOf(jobSchema.parse({ modelId: 'm-1', hyperparams: { batchSize: 8 }, ...job }))).toBe(words);
});
