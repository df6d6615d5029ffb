import { expect, test } from '@jest/globals';
import { spawnNode } from '../helpers/processes.js';

/** The short form of `npm run chaos`: enough to notice when a kind of fault is not survived any more. */
test('a session under a seeded schedule of kills, stops and cuts ends with the bytes of an undisturbed one', async () => {
  const args = [
    '--seed',
    '7',
    '--libraries',
    '10',
    '--rounds',
    '5',
    '--min-kills',
    '8',
    '--minutes',
    '2',
    '--json',
  ];
  const chaos = spawnNode(['scripts/bench.mjs', 'chaos', ...args]);
  const code = await chaos.ended;
  const report: unknown = JSON.parse(chaos.lines.filter((line) => line.startsWith('{')).at(-1) ?? '{}');
  expect(report).toMatchObject({
    ok: true,
    state: 'completed',
    rounds: 5,
    counted: 50,
    lost: 0,
    duplicated: 0,
    identicalToUndisturbed: true,
  });
  expect(code).toBe(0);
}, 180_000);
