import { readdirSync, readFileSync } from 'node:fs';

/** Clock ticks a second of /proc: 100 on every Linux that Node runs on. */
const TICKS = 100;

/** User and system CPU time of a process so far, all its threads, seconds. */
export function cpuSeconds(pid: number): number {
  // Fields 14 and 15 of the whole.
  const fields = statFields(pid);
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
}

/** What started it. */
export function parentPid(pid: number): number {
  return Number(statFields(pid)[1]);
}

/** Fields of /proc/<pid>/stat from the third on: the name before them, in parentheses, may hold spaces. */
function statFields(pid: number): string[] {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}

/** The most memory that the process ever had resident, MiB. */
export function peakRssMiB(pid: number): number {
  return statusMiB(pid, 'VmHWM');
}

export function rssMiB(pid: number): number {
  return statusMiB(pid, 'VmRSS');
}

/** Threads of a process, those of V8 and libuv too. */
export function threadCount(pid: number): number {
  return readdirSync(`/proc/${pid}/task`).length;
}

function statusMiB(pid: number, field: string): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? NaN) / 1024;
}
