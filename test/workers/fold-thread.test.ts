import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from '@jest/globals';
import { packageRoot } from '../../src/telemetry/package-root.js';

const BUILT = path.join(packageRoot(), 'dist/workers/aggregator/fold-thread.js');

/** Runs two jobs in a thread that does this, in a process of its own. */
async function runIn(thread: string): Promise<{ code: number; stdout: string }> {
  expect(existsSync(BUILT)).toBe(true);
  const script = `
    import { startFoldThread } from ${JSON.stringify(pathToFileURL(BUILT).href)};
    const thread = startFoldThread(new URL(${JSON.stringify(`data:text/javascript,${encodeURIComponent(thread)}`)}));
    const said = await Promise.allSettled([thread.run({ slot: 0 }), thread.run({ slot: 1 })]);
    console.log(JSON.stringify(said.map(({ value, reason }) => value ?? reason.message)));
    await thread.close();
  `;
  const run = promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script]);
  return run.then(
    ({ stdout }) => ({ code: 0, stdout }),
    ({ code, stdout }: { code: number; stdout: string }) => ({ code, stdout }),
  );
}

const ANSWER_IN_TURN = `
  import { parentPort } from 'node:worker_threads';
  const questions = [];
  parentPort.on('message', (question) => {
    if (questions.push(question) < 2) return;
    const [first, second] = questions;
    parentPort.postMessage({ id: second.id, error: 'slot ' + second.job.slot });
    parentPort.postMessage({ id: first.id, folded: { bytes: 8, seconds: 0 } });
  });
`;

test('jobs share the thread, and each gets its own answer', async () => {
  const { code, stdout } = await runIn(ANSWER_IN_TURN);
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toEqual([{ bytes: 8, seconds: 0 }, 'slot 1']);
});

test('a thread that fails ends the process, so that its jobs go to others', async () => {
  const { code, stdout } = await runIn(
    `import { parentPort } from 'node:worker_threads'; parentPort.on('message', () => { throw new Error('broken'); });`,
  );
  expect(code).not.toBe(0);
  expect(stdout).toBe('');
});
