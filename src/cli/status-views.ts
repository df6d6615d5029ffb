import type { PoolStatus, RepoStatus } from '../protocol/http.js';
import { bytes, count, integer, relativeTime } from './format.js';
import type { Style } from './style.js';
import { renderFields, renderTable } from './table.js';

/** The pool: its processes, who rents what, and Redis. */
export function describePoolStatus(pool: PoolStatus, style: Style, width: number | undefined): string[] {
  const nowMs = Date.now();
  const queued = Object.entries(pool.queues).map(([name, jobs]) => `${name} ${jobs}`);
  const { usedMemoryBytes, maxMemoryBytes, appendOnly } = pool.redis;
  const limit = maxMemoryBytes === 0 ? '' : ` of ${bytes(maxMemoryBytes)}`;
  const kept = appendOnly ? 'kept on disk' : style.yellow('not kept on disk: turn appendonly on');
  const nodes = renderTable(
    [
      { title: 'Process', value: (node) => node.nodeId },
      { title: 'Host', value: (node) => node.host },
      { title: 'Pid', value: (node) => String(node.pid), align: 'right' },
      { title: 'Version', value: (node) => node.version },
      { title: 'Started', value: (node) => relativeTime(node.startedMs, nowMs) },
      {
        title: 'Slots',
        value: (node) => (node.slots === 0 ? '' : `${node.busySlots}/${node.slots}`),
        align: 'right',
      },
      {
        title: 'Sockets',
        value: (node) => (node.role === 'gateway' ? integer(node.connections) : ''),
        align: 'right',
      },
      { title: 'Memory', value: (node) => `${node.rssMiB.toFixed(0)} MiB`, align: 'right' },
      { title: 'URL', value: (node) => node.url ?? '' },
    ],
    pool.nodes,
    { style, width, empty: 'No process has reported: is the pool running?' },
  );
  const rentals = renderTable(
    [
      { title: 'Repo', value: (rental) => rental.repoId },
      { title: 'Session', value: (rental) => rental.sessionId },
      { title: 'Slots granted', value: (rental) => String(rental.granted), align: 'right' },
      { title: 'Wanted', value: (rental) => String(rental.wanted), align: 'right' },
    ],
    pool.rentals,
    { style, width, empty: 'No session rents slots now.' },
  );
  const fields: [string, string][] = [
    ['repos', integer(pool.repos)],
    ['sessions', `${integer(pool.activeSessions)} active`],
    ['slots', `${pool.slots.rented} of ${pool.slots.total} rented`],
    ['queues', queued.length === 0 ? 'empty' : queued.join(', ')],
    ['redis', `${bytes(usedMemoryBytes)}${limit} in use, ${kept}`],
  ];
  return [...nodes, '', ...renderFields(fields, style), '', ...rentals];
}

/** One Repo: who is there and what runs. */
export function describeRepo(repo: RepoStatus, style: Style, width: number | undefined): string[] {
  const state = repo.status === 'busy' ? style.cyan('busy') : style.green('idle');
  const running = renderTable(
    [
      { title: 'Session', value: (session) => session.sessionId },
      { title: 'State', value: (session) => session.state },
      { title: 'Round', value: ({ round }) => (round === null ? '' : String(round)), align: 'right' },
      { title: 'Version', value: (session) => String(session.version), align: 'right' },
    ],
    repo.runningSessions,
    { style, width, empty: 'No session runs now.' },
  );
  const name = repo.name === '' || repo.name === repo.repoId ? '' : `  ${repo.name}`;
  return [
    ...renderFields(
      [
        ['repo', `${style.bold(repo.repoId)}${name}`],
        ['status', state],
        ['online', count(repo.librariesOnline, 'Library')],
        ['queued', count(repo.queuedSessions, 'session')],
        ['slots', `${repo.rentedSlots} rented`],
      ],
      style,
    ),
    '',
    ...running,
  ];
}
