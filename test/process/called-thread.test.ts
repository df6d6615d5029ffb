import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from '@jest/globals';
import { packageRoot } from '../../src/telemetry/package-root.js';

const BUILT = path.join(packageRoot(), 'dist/src/process/called-thread.js');

/** Asks two questions of a thread that does this, in a process of its own. */
async function runIn(thread: string): Promise<{ code: number; stdout: string }> {
  expect(existsSync(BUILT)).toBe(true);
  const file = `data:text/javascript,${encodeURIComponent(thread)}`;
  const script = `
    import { CalledThread } from ${JSON.stringify(pathToFileURL(BUILT).href)};
    const thread = new CalledThread(new URL(${JSON.stringify(file)}), { youngMib: 2, workerData: 'w' });
    const said = await Promise.allSettled([thread.call(1), thread.call(2)]);
    console.log(JSON.stringify(said.map(({ value, reason }) => value ?? reason.message)));
    await thread.close();
  `;
  const run = promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script]);
  return run.then(
    ({ stdout }) => ({ code: 0, stdout }),
    ({ code, stdout }: { code: number; stdout: string }) => ({ code, stdout }),
  );
}

test('each question gets its own answer, or the error of it', async () => {
  const { code, stdout } = await runIn(`
    import { workerData } from 'node:worker_threads';
    import { answerCalls } from ${JSON.stringify(pathToFileURL(BUILT).href)};
    answerCalls((question) => {
      if (question === 1) throw new RangeError('not ' + question);
      return workerData + question;
    });
  `);
  expect(JSON.parse(stdout)).toEqual(['not 1', 'w2']);
  expect(code).toBe(0);
});

test('answers that come in another order find their questions', async () => {
  const { stdout } = await runIn(`
    import { parentPort } from 'node:worker_threads';
    parentPort.on('message', ([first, second]) => {
      parentPort.postMessage([{ id: second.id, answer: 'second' }]);
      parentPort.postMessage([{ id: first.id, answer: 'first' }]);
    });
  `);
  expect(JSON.parse(stdout)).toEqual(['first', 'second']);
});

test('a thread that fails ends the process, so that its work goes to others', async () => {
  const { code, stdout } = await runIn(
    `import { parentPort } from 'node:worker_threads'; parentPort.on('message', () => { throw new Error('broken'); });`,
  );
  expect(code).not.toBe(0);
  expect(stdout).toBe('');
});
