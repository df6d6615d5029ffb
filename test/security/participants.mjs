/**
 * Whoever takes part in a session, in a process of its own whose environment says whom TLS trusts: an Explora that submits
 * a job, and its Libraries. Says what happens as lines of JSON; ends when the session has.
 *
 *     API_KEY=… TOKEN=… node participants.mjs <url> <repoId> <poolKey> <rounds> <library,library…>
 */
import { denseModel } from '../../dist/bench/lib/dense-model.js';
import { DeterministicTrainer, seedOf } from '../../dist/bench/lib/trainer.js';
import { Explora } from '../../dist/src/explora/index.js';
import { Library } from '../../dist/src/library/index.js';

const [url, repoId, poolKey, rounds, names] = process.argv.slice(2);
const { API_KEY: apiKey, TOKEN: token } = process.env;
const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);

const explora = new Explora({ url, token, repoId, poolKey });
const { modelId } = await explora.uploadModel(denseModel(20, 30));
const libraries = names.split(',').map((libraryId) => {
  const trainer = new DeterministicTrainer({ seed: seedOf(libraryId), numExamples: 10, trainMs: 50 });
  const backoff = { baseMs: 50, maxMs: 200 };
  const library = new Library({ url, apiKey, libraryId, poolKey, trainer, backoff });
  library.addData('data', { rows: Array.from({ length: 10 }, () => [1, 2]) });
  library.on('state', (state) => say({ libraryId, state }));
  library.on('round', ({ round, outcome }) => say({ libraryId, round, outcome, trained: trainer.trained }));
  library.on('error', ({ code, message }) => say({ libraryId, code, message }));
  return library;
});
await Promise.all(libraries.map((library) => library.join()));
const session = await explora.submit({
  modelId,
  hyperparams: { batchSize: 1 },
  selection: { type: 'all', goal: libraries.length },
  continuation: { value: 1 },
  evaluation: { on: 'none' },
  deadlines: { roundMs: 5_000, maxRoundRetries: 0 },
  termination: { maxRounds: Number(rounds) },
});
say({ sessionId: session.sessionId });
const { state, version, history } = await session.result();
const { manifest } = version > 0 ? await explora.downloadVersion(session.sessionId, version) : {};
say({
  ended: state,
  version,
  sha256: history.at(-1)?.sha256 ?? null,
  signed: manifest?.parameters.sha256 ?? null,
});
await Promise.all(libraries.map((library) => library.leave()));
