import { readFileSync } from 'node:fs';

/** Sockets to Redis, files and the like of one process, with room. */
const OWN_FILES = 100;

/**
 * Node raises its own soft limit to the hard one, and the processes that it starts inherit that.
 * @throws Error that says what to do when one process may not hold so many connections
 */
export function requireOpenFiles(connections: number): void {
  const limits = readFileSync('/proc/self/limits', 'utf8');
  const hard = /^Max open files\s+\S+\s+(\S+)/m.exec(limits)?.[1] ?? 'unlimited';
  if (hard === 'unlimited' || Number(hard) >= connections + OWN_FILES) return;
  throw new Error(
    `The limit of open files is too low: ${hard}, and a gateway with ${connections} connections needs ` +
      `${connections + OWN_FILES}. Raise it (ulimit -Hn) or use fewer --libraries.`,
  );
}
