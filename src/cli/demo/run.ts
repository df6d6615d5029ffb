import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { viewError } from '../errors.js';
import { withLifetime, type Lifetime } from '../lifetime.js';
import type { Output } from '../output.js';
import { saveModel } from '../save-model.js';
import { styleFor } from '../style.js';
import { rounds as defaultRounds } from './defaults.js';
import { prepareFederation, REPO_ID, type Federation } from './prepare.js';
import { renderKept, renderReport, type DemoResult } from './report.js';
import type { DemoOptions, Stage } from './stage.js';
import { trainDemo } from './train.js';

/** Relative to where it is run, beside the other data of this command. */
const MODEL_DIR = '.cloud-node/demo/model';

/** `cloud-node demo`: everything it starts is ended on every way out. */
export async function runDemo(options: DemoOptions, out: Output): Promise<void> {
  const startedMs = performance.now();
  const stream = out.json ? process.stderr : process.stdout;
  const live = stream.isTTY && !out.json && process.env['TERM'] !== 'dumb';
  const stage: Stage = { stream, style: styleFor(stream, process.env), live };
  const progress = { rounds: 0 };
  const told = (): void => void stream.write('\nStopping what was started. Ctrl-C again: at once.\n');
  let result: DemoResult;
  try {
    result = await withLifetime(
      (lifetime) => perform({ options, stage, lifetime, progress, startedMs, out }),
      told,
    );
  } catch (error) {
    if (!out.json) throw error;
    const { message } = viewError(error);
    process.stderr.write(`✗ ${message}\n`);
    const seconds = secondsSince(startedMs);
    const { libraries } = options;
    result = {
      ok: false,
      rounds: progress.rounds,
      libraries,
      testAccuracy: null,
      modelSha256: null,
      seconds,
      reason: message,
    };
  }
  if (out.json) out.result(result, () => []);
  if (!result.ok) process.exitCode = 1;
}

interface Performance {
  readonly options: DemoOptions;
  readonly stage: Stage;
  readonly lifetime: Lifetime;
  readonly progress: { rounds: number };
  readonly startedMs: number;
  readonly out: Output;
}

async function perform({
  options,
  stage,
  lifetime,
  progress,
  startedMs,
  out,
}: Performance): Promise<DemoResult> {
  const dataDir = mkdtempSync(path.join(tmpdir(), 'cloud-node-demo-'));
  process.once('exit', () => rmSync(dataDir, { recursive: true, force: true }));
  await lifetime.own(Promise.resolve(), { end: () => rmSync(dataDir, { recursive: true, force: true }) });
  const federation = await prepareFederation({ options, stage, lifetime, dataDir });
  const session = await trainDemo({
    federation,
    stage,
    iid: options.iid ?? false,
    rounds: options.rounds ?? defaultRounds,
    signal: lifetime.signal,
    onRound: (rounds) => (progress.rounds = rounds),
  });
  const testAccuracy =
    session.scores.find(({ version }) => version === session.version)?.metrics['accuracy'] ?? null;
  const saved =
    session.resultModelId === null
      ? null
      : await saveModel(federation.explora, session.resultModelId, { dir: MODEL_DIR, format: 'tfjs' });
  const ok = session.state === 'completed' && testAccuracy !== null && saved !== null;
  const result: DemoResult = {
    ok,
    rounds: session.version,
    libraries: options.libraries,
    testAccuracy,
    modelSha256: saved?.sha256 ?? null,
    seconds: secondsSince(startedMs),
    ...(ok ? {} : { reason: session.reason ?? 'the final version has no score' }),
  };
  const details = { iid: options.iid ?? false, testImages: federation.testImages, modelDir: MODEL_DIR };
  if (!out.json) write(stage, renderReport(result, details, stage.style));
  if (options.keep && !out.json) await keepUp(federation, stage);
  return result;
}

/** Until a signal ends it. */
async function keepUp({ urls, dataDir }: Federation, stage: Stage): Promise<never> {
  write(stage, renderKept({ urls, dataDir, repoId: REPO_ID }, stage.style));
  return new Promise<never>(() => undefined);
}

function write({ stream }: Stage, lines: readonly string[]): void {
  stream.write(`${lines.join('\n')}\n`);
}

function secondsSince(startedMs: number): number {
  return Math.round((performance.now() - startedMs) / 100) / 10;
}
