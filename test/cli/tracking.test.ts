import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { CliError } from '../../src/cli/errors.js';
import { openCsv } from '../../src/cli/tracking/csv.js';
import { pointsRecord, readEvents, versionRecord } from '../../src/cli/tracking/event-file.js';
import { pointKey, pointsOf, pointsOfScore } from '../../src/cli/tracking/points.js';
import { openTensorboard } from '../../src/cli/tracking/tensorboard.js';
import { sessionView } from '../helpers/session-view.js';

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'cn-tracking-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

describe('the points of a session', () => {
  it('are about the version that they measure', () => {
    const view = sessionView('s-1', 2);
    const named = Object.fromEntries(pointsOf(view).map((point) => [pointKey(point), point.value]));
    expect(named).toEqual({
      ...{ '1 round/updates': 2, '1 round/selected': 3, '1 round/examples': 200, '1 round/seconds': 1.5 },
      ...{ '2 round/updates': 2, '2 round/selected': 3, '2 round/examples': 200, '2 round/seconds': 1.5 },
      // Two updates of 1000 values of two bytes.
      ...{ '1 round/bytes': 4000, '2 round/bytes': 4000 },
      ...{ '1 train/loss': 1, '1 train/accuracy': 0.5, '2 train/loss': 0.5, '2 train/accuracy': 0.75 },
      // Libraries score the version that they start from.
      ...{ '0 libraries/loss': 2, '1 libraries/loss': 1 },
      ...{ '1 pool/accuracy': 0.75, '2 pool/accuracy': 0.875 },
    });
  });

  it('have names that every tracker takes, whatever a Library calls its metrics', () => {
    const metrics = { 'a/../b': 1, '..': 2, 'ok_1.5-x y': 3, 'e=mc²,\n': 4 };
    expect(pointsOfScore({ version: 1, metrics }, 0).map(({ name }) => name)).toEqual([
      'pool/a_.._b',
      'pool/_.',
      'pool/ok_1.5-x y',
      'pool/e_mc___',
    ]);
  });
});

describe('the event file', () => {
  const eventsIn = async (folder: string): Promise<{ file: string; bytes: Buffer }> => {
    const [name = '', ...others] = await readdir(folder);
    expect(others).toEqual([]);
    expect(name).toContain('tfevents');
    const file = path.join(folder, name);
    return { file, bytes: await readFile(file) };
  };

  it('has the bytes that TensorBoard itself writes', () => {
    // RecordWriter of tensorboard 2.21: Event(wall_time=1767225600, file_version="brain.Event:2"), then
    // Event(wall_time=1767225603.5, step=300) with the values "train/loss" 0.5 and "pool/accuracy" 0.25.
    expect(versionRecord(1_767_225_600_000).toString('hex')).toBe(
      '1800000000000000a37f4b2209000000406e55da411a0d627261696e2e4576656e743a32c3486dfc',
    );
    const points = [
      { name: 'train/loss', step: 300, value: 0.5, atMs: 0 },
      { name: 'pool/accuracy', step: 300, value: 0.25, atMs: 0 },
    ];
    expect(pointsRecord(300, 1_767_225_603_500, points).toString('hex')).toBe(
      '3700000000000000e7e8ca59090000e0406e55da4110ac022a290a110a0a7472' +
        '61696e2f6c6f7373150000003f0a140a0d706f6f6c2f6163637572616379150000803e210cbcc5',
    );
  });

  it('is continued, and has each point once', async () => {
    const folder = path.join(dir, 's-2');
    await (await openTensorboard(dir, sessionView('s-2', 1))).write(pointsOf(sessionView('s-2', 1)));
    const before = (await eventsIn(folder)).bytes;
    const again = await openTensorboard(dir, sessionView('s-2', 3));
    await again.write(pointsOf(sessionView('s-2', 2)));
    await again.write(pointsOf(sessionView('s-2', 3)));
    const { bytes } = await eventsIn(folder);
    expect(bytes.subarray(0, before.length)).toEqual(before);
    const keys = readEvents(bytes).points.map(pointKey);
    expect(keys.sort()).toEqual(pointsOf(sessionView('s-2', 3)).map(pointKey).sort());
  });

  it.each([
    ['cut off', (bytes: Buffer) => bytes.subarray(0, -3)],
    [
      'damaged',
      (bytes: Buffer) => Buffer.from(bytes.map((byte, at) => (at === bytes.length - 9 ? ~byte : byte))),
    ],
    ['cut off in its first record', (bytes: Buffer) => bytes.subarray(0, 5)],
  ])('is mended when its end is %s', async (what, spoil) => {
    const id = `s-${what.length}`;
    const view = sessionView(id, 2);
    await (await openTensorboard(dir, view)).write(pointsOf(view));
    const { file, bytes } = await eventsIn(path.join(dir, id));
    await writeFile(file, spoil(bytes));
    await (await openTensorboard(dir, view)).write(pointsOf(view));
    const mended = await readFile(file);
    expect(readEvents(mended).wholeBytes).toBe(mended.length);
    expect(readEvents(mended).points.map(pointKey).sort()).toEqual(pointsOf(view).map(pointKey).sort());
  });

  it('says why it cannot be written', async () => {
    await writeFile(path.join(dir, 'file'), '');
    const opened = openTensorboard(path.join(dir, 'file'), sessionView('s-4', 1));
    await expect(opened).rejects.toThrow(/^Metrics can not be written to .*file.*s-4: ENOTDIR$/);
    await expect(opened).rejects.toMatchObject({ advice: expect.stringContaining('file where a folder') });
  });
});

describe('the table', () => {
  it('has a row a version and grows with what becomes known', async () => {
    const file = path.join(dir, 'metrics.csv');
    const view = sessionView('s-5', 2);
    const csv = openCsv(file);
    await csv.write(pointsOf({ ...view, scores: [] }));
    expect(await readFile(file, 'utf8')).toBe(
      [
        'version,libraries/loss,round/bytes,round/examples,round/seconds,round/selected,round/updates,train/accuracy,train/loss',
        '0,2,,,,,,,',
        '1,1,4000,200,1.5,3,2,0.5,1',
        '2,,4000,200,1.5,3,2,0.75,0.5',
        '',
      ].join('\n'),
    );
    await csv.write(pointsOf(view));
    expect((await readFile(file, 'utf8')).split('\n')[2]).toBe('1,1,0.75,4000,200,1.5,3,2,0.5,1');
    const nowhere = openCsv(path.join(dir, 'no', 'such', 'folder.csv')).write(pointsOf(view));
    await expect(nowhere).rejects.toThrow(CliError);
  });
});
