import { count, integer, percent } from '../format.js';
import type { Style } from '../style.js';

/** What the demo came to. */
export interface DemoResult {
  readonly ok: boolean;
  readonly rounds: number;
  readonly libraries: number;
  /** The evaluator's score of the final version on all test images; null when there is none. */
  readonly testAccuracy: number | null;
  readonly modelSha256: string | null;
  readonly seconds: number;
  /** Why it is not ok. */
  readonly reason?: string;
}

export interface ReportDetails {
  readonly iid: boolean;
  readonly testImages: number;
  /** Folder that the model was saved in. */
  readonly modelDir: string;
}

/** The last screen. */
export function renderReport(result: DemoResult, details: ReportDetails, style: Style): string[] {
  if (!result.ok || result.testAccuracy === null) {
    return ['', `  ${style.red('✗')} The demo failed: ${result.reason ?? 'the final version has no score'}`];
  }
  const split = details.iid ? 'images dealt at random' : 'each with few of the ten digits';
  return [
    '',
    `  ${style.green('✓')} ${style.bold(`${percent(result.testAccuracy)} test accuracy`)} on all ` +
      `${integer(details.testImages)} test images, after ${count(result.rounds, 'round')} in ${result.seconds.toFixed(0)} s.`,
    `    ${result.libraries} Libraries trained it, ${split}; no image left its process.`,
    '',
    `    model   ${details.modelDir}/model.json  ${style.dim('(tf.loadLayersModel reads it)')}`,
    `    sha256  ${result.modelSha256 ?? ''}`,
    '',
    `  ${style.bold('Try next')}`,
    ...nextSteps(details.iid).map(([what, why]) => `    ${what.padEnd(38)} ${style.dim(why)}`),
  ];
}

function nextSteps(iid: boolean): readonly (readonly [string, string])[] {
  const other = iid
    ? (['npm run demo', 'sorted by digit: harder, and more like real life'] as const)
    : (['npm run demo -- --iid', 'images dealt at random instead of by digit'] as const);
  return [
    other,
    ['npm run demo -- --keep', 'stays up afterwards, to look around'],
    ['kill -9 <pid>, while it runs', 'any gateway or aggregator: no update is lost'],
    ['npm run cloud-node -- up', 'a pool of your own that keeps its data'],
  ];
}

/** What `--keep` says: how to reach the pool that stays up. */
export function renderKept(
  { urls, dataDir, repoId }: { urls: readonly string[]; dataDir: string; repoId: string },
  style: Style,
): string[] {
  const flag = `--data-dir ${dataDir}`;
  return [
    '',
    `  The pool stays up until Ctrl-C: ${urls.join('  ')}`,
    '',
    ...[
      `cloud-node status ${flag}`,
      `cloud-node status ${repoId} ${flag}`,
      `cloud-node sessions ${repoId} ${flag}`,
      `cloud-node models ${repoId} ${flag}`,
      `cloud-node token --role explora --repo ${repoId} ${flag}`,
    ].map((line) => style.dim(`    ${line}`)),
  ];
}
