import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { waitForRedis } from './redis-probe.js';

/**
 * The server that a pid file (pid and address, a line each) tells of, once it is ready; null when it is gone. Pids are
 * used again by other programs, so the process must look like Redis and answer with this pid at that address.
 */
export async function adoptRunning(
  pidFile: string,
  withinMs: number,
): Promise<{ url: string; pid: number } | null> {
  const [pidText, url] = readLines(pidFile);
  const pid = Number(pidText);
  if (url === undefined || !isRedis(pid)) {
    rmSync(pidFile, { force: true });
    return null;
  }
  let gone = false;
  const stillThere = (): void => {
    gone = !isRedis(pid);
    if (gone) throw new Error('gone');
  };
  const probe = await waitForRedis(url, { withinMs, stillThere }).catch(() => null);
  if (gone) return null;
  if (probe?.pid === pid) return { url, pid };
  throw new Error(
    `The Redis of ${pidFile} (process ${pid}) runs but does not answer at ${url}. Stop it and start again.`,
  );
}

/** Whether a process with this pid exists (and is not a zombie where that can be told). */
export function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
  // A server whose parent was killed has no one to collect it in a container without an init process.
  return !/^State:\s+Z/m.test(readText(`/proc/${pid}/status`));
}

/** False when it is still there after `withinMs`. */
export async function waitForExit(pid: number, withinMs: number): Promise<boolean> {
  const deadlineMs = performance.now() + withinMs;
  while (isAlive(pid)) {
    if (performance.now() > deadlineMs) return false;
    await sleep(20);
  }
  return true;
}

function isRedis(pid: number): boolean {
  return isAlive(pid) && /redis|valkey/.test(commandLine(pid));
}

function commandLine(pid: number): string {
  const linux = readText(`/proc/${pid}/cmdline`);
  if (linux !== '') return linux;
  try {
    return execFileSync('ps', ['-p', String(pid), '-o', 'command='], { encoding: 'utf8' });
  } catch {
    return '';
  }
}

function readLines(file: string): string[] {
  return readText(file).split('\n').filter(Boolean);
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
