import { expect, it } from '@jest/globals';
import { denseModel } from '../../bench/lib/dense-model.js';
import { expectedSha256 } from '../../bench/lib/expected.js';
import { eventually } from '../helpers/eventually.js';
import { startPool } from '../helpers/pool.js';
import { spawnNode } from '../helpers/processes.js';

const LIBRARIES = { ada: 100, ben: 37, cyd: 512 };
const HELD = 5_000;
const ROUNDS = 5;

interface Held {
  readonly open: number;
  readonly made: number;
  readonly closed: number;
}

it.each([
  {
    what: 'that are all kept',
    env: {
      MAX_STRANGERS: '6000',
      MAX_STRANGERS_PER_ADDRESS: '6000',
      HEADER_TIMEOUT_MS: '120000',
      STRANGER_MS: '120000',
    },
    isHeld: ({ open }: Held) => open === HELD,
  },
  {
    what: 'of which most give way and come again',
    env: {},
    isHeld: ({ made, closed }: Held) => made >= HELD && closed >= HELD - 1_024,
  },
])(
  '5,000 connections without credentials, $what, do not stop a session or change its result',
  async ({ env, isHeld }) => {
    const pool = await startPool({ env: { SHARD_PARAMS: '1000', ...env } });
    const { apiKey, explora } = await pool.repo();
    const url = pool.gateways[0]?.url ?? '';
    const model = denseModel(50, 60);
    const { modelId } = await explora.uploadModel(model);
    const others = Object.entries(LIBRARIES).slice(0, -1);
    for (const [libraryId, numExamples] of others)
      await pool.library({ apiKey, libraryId, numExamples }).join();
    const attacker = spawnNode(['test/security/hold-connections.mjs', url, String(HELD)]);
    const held = (): Held => JSON.parse(attacker.lines.at(-1) ?? '{}') as Held;
    try {
      await eventually(() => isHeld(held()), { withinMs: 30_000, everyMs: 100 });
      // One comes while they are there.
      await pool.library({ apiKey, libraryId: 'cyd', numExamples: LIBRARIES.cyd }).join();
      const session = await explora.submit({
        modelId,
        hyperparams: { batchSize: 1 },
        selection: { type: 'all', goal: 3 },
        continuation: { value: 1, minUpdates: 3 },
        termination: { maxRounds: ROUNDS },
        evaluation: { on: 'none' },
      });
      const view = await session.result();
      expect(view).toMatchObject({ state: 'completed', version: ROUNDS });
      expect(isHeld(held())).toBe(true);
      const wanted = { weights: model.weights, libraries: LIBRARIES, rounds: ROUNDS, shardParams: 1_000 };
      expect(view.history.at(-1)?.sha256).toBe(await expectedSha256(wanted));
      expect(view.history.map((round) => round.updates)).toEqual(Array(ROUNDS).fill(3));
    } finally {
      await attacker.kill9();
    }
  },
  90_000,
);
