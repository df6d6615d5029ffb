import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { afterAll } from '@jest/globals';
import { eventually } from './eventually.js';

export interface NodeProcess {
  readonly child: ChildProcess;
  /** What it wrote to stdout and stderr so far, by line. */
  readonly lines: readonly string[];
  /** Its exit code, or the name of the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals>;
  /** The first line, past or to come, that matches. */
  waitForLine(pattern: RegExp, withinMs?: number): Promise<string>;
  /** SIGTERM, then SIGKILL to one that does not listen. */
  stop(withinMs?: number): Promise<number | NodeJS.Signals>;
  /** What a crash is: no chance to clean up. */
  kill9(): Promise<void>;
}

const running = new Set<NodeProcess>();
afterAll(async () => {
  await Promise.all([...running].map((process) => process.kill9()));
});

/** Runs `node …args` from the root of the repository. Whatever still runs when the test file ends is killed. */
export function spawnNode(
  args: readonly string[],
  options: { env?: Readonly<Record<string, string | undefined>>; cwd?: string } = {},
): NodeProcess {
  const child = spawn(process.execPath, args, {
    // NODE_OPTIONS is jest's own; a program under test must work without it.
    env: { ...process.env, NODE_OPTIONS: undefined, ...options.env },
    cwd: options.cwd ?? process.cwd(),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const lines: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on('line', (line) => lines.push(line));
  }
  const ended = new Promise<number | NodeJS.Signals>((resolve) => {
    // `close` comes after the last line, `exit` may come before.
    child.once('close', (code, signal) => resolve(code ?? signal ?? 'SIGKILL'));
    child.once('error', (error) => {
      lines.push(String(error));
      resolve(-1);
    });
  });
  const self: NodeProcess = {
    child,
    lines,
    ended,
    waitForLine: (pattern, withinMs = 10_000) => waitForLine(self, pattern, withinMs),
    async stop(withinMs = 10_000) {
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), withinMs);
      return ended.finally(() => clearTimeout(timer));
    },
    async kill9() {
      child.kill('SIGKILL');
      await ended;
    },
  };
  running.add(self);
  void ended.then(() => running.delete(self));
  return self;
}

async function waitForLine(process: NodeProcess, pattern: RegExp, withinMs: number): Promise<string> {
  let how: number | string | null = null;
  void process.ended.then((code) => (how = code));
  const find = (): string | null => process.lines.find((line) => pattern.test(line)) ?? null;
  const problem = (what: string): Error =>
    new Error(`${what}. It said:\n${process.lines.slice(-20).join('\n') || '(nothing)'}`);

  const found = await eventually(() => find() ?? how !== null, { withinMs }).catch(() => null);
  const line = typeof found === 'string' ? found : find();
  if (line !== null) return line;
  throw how === null
    ? problem(`No line like ${pattern} within ${withinMs} ms`)
    : problem(`It ended (${String(how)}) without a line like ${pattern}`);
}
