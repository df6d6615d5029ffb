import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { MALLOC_ENV, NODE_FLAGS } from './node-flags.js';

export interface ChildCommand {
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  /** Its stderr is appended here. */
  readonly logFile: string;
}

/** How a process ended. */
export interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** The line of JSON on stdout with which a process of the pool says that it is ready. */
export interface ReadyLine {
  readonly ready: true;
  readonly url?: string;
  readonly [field: string]: unknown;
}

export interface Child {
  readonly pid: number;
  readonly ended: Promise<Ending>;
  /** Rejects when it ends first. */
  readonly ready: Promise<ReadyLine>;
  kill(signal: NodeJS.Signals): void;
}

const LAST_LINES = 6;

/**
 * Starts `node …args`, with {@link NODE_FLAGS}, in a process group of its own, so that Ctrl-C in the terminal reaches the supervisor only, which
 * then ends its children in order. The IPC channel tells the child when the supervisor is gone without having done so.
 */
export function startChild({ args, env, logFile }: ChildCommand): Child {
  const log = openSync(logFile, 'a');
  const child = spawn(process.execPath, [...NODE_FLAGS, ...args], {
    env: { ...MALLOC_ENV, ...env },
    detached: true,
    stdio: ['ignore', 'pipe', log, 'ipc'],
  });
  closeSync(log);
  const ended = new Promise<Ending>((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }));
    child.once('error', () => resolve({ code: null, signal: null }));
  });
  const ready = readyLine(child, ended, logFile);
  // Whoever never asks for it must not be ended by it.
  ready.catch(() => undefined);
  return {
    pid: child.pid ?? 0,
    ended,
    ready,
    kill: (signal) => {
      child.kill(signal);
    },
  };
}

async function readyLine(child: ChildProcess, ended: Promise<Ending>, logFile: string): Promise<ReadyLine> {
  const found = new Promise<ReadyLine>((resolve) => {
    if (child.stdout === null) return;
    createInterface({ input: child.stdout }).on('line', (line) => {
      const message = parse(line);
      if (message?.ready === true) resolve(message as ReadyLine);
    });
  });
  const failed = ended.then((ending) => {
    throw new Error(`it ended (${describeEnding(ending)}) before it was ready:\n${tail(logFile)}`);
  });
  return Promise.race([found, failed]);
}

export function describeEnding({ code, signal }: Ending): string {
  return signal ?? (code === null ? 'it could not be started' : `exit code ${code}`);
}

function parse(line: string): { ready?: unknown } | null {
  try {
    const value = JSON.parse(line) as unknown;
    return typeof value === 'object' ? value : null;
  } catch {
    return null;
  }
}

function tail(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim().split('\n').slice(-LAST_LINES).join('\n');
  } catch {
    return '(no log)';
  }
}
