import type { JSX } from 'preact';
import type { PoolStatus } from '../../protocol/http.js';
import type { NodeRecord, NodeRole } from '../../protocol/records.js';
import { formatBytes, formatCount, formatDuration, GAP, plural } from '../lib/format.js';
import { href } from '../lib/route.js';
import { useApi } from '../lib/use-api.js';
import { Empty, Loading, Problem } from '../ui/feedback.js';
import { Meter, Stat } from '../ui/stat.js';
import { figures, Table } from '../ui/table.js';

const EVERY_MS = 2_000;
const ROLES: readonly { role: NodeRole; title: string; help: string }[] = [
  { role: 'gateway', title: 'Gateways', help: 'talk to Libraries and people' },
  { role: 'coordinator', title: 'Coordinators', help: 'drive sessions from round to round' },
  { role: 'aggregator', title: 'Aggregators', help: 'average updates into the next version' },
  { role: 'evaluator', title: 'Evaluators', help: 'score models on test sets' },
];
/** Without these no session goes on. */
const NEEDED: readonly NodeRole[] = ['coordinator', 'aggregator'];
const SHOWN = 50;

export function PoolPage(): JSX.Element {
  const { data, error } = useApi<PoolStatus>('/v1/pool', { everyMs: EVERY_MS });
  return (
    <>
      <div class="title-row">
        <h1>Pool</h1>
      </div>
      <Problem error={error} />
      {data === null ? error === null && <Loading /> : <Pool pool={data} />}
    </>
  );
}

function Pool({ pool }: { pool: PoolStatus }): JSX.Element {
  const { nodes, slots, redis, queues } = pool;
  const missing = NEEDED.filter((role) => !nodes.some((node) => node.role === role));
  const waiting = Object.values(queues).reduce((sum, n) => sum + n, 0);
  const connections = nodes.reduce((sum, node) => sum + node.connections, 0);
  return (
    <>
      {missing.length > 0 && (
        <p class="warning" role="alert">
          No {missing.join(' and no ')} runs: sessions wait until one is started.
        </p>
      )}
      <dl class="stats">
        <Stat
          label="Active sessions"
          value={formatCount(pool.activeSessions)}
          note={`in ${plural(pool.repos, 'Repo')}`}
        />
        <Stat label="Connections" value={formatCount(connections)} note="Libraries and people" />
        <Stat
          label="Aggregator slots rented"
          value={`${formatCount(slots.rented)} of ${formatCount(slots.total)}`}
          share={slots.total === 0 ? 0 : slots.rented / slots.total}
        />
        <Stat
          label="Redis memory"
          value={formatBytes(redis.usedMemoryBytes)}
          share={redis.maxMemoryBytes === 0 ? undefined : redis.usedMemoryBytes / redis.maxMemoryBytes}
          note={
            (redis.maxMemoryBytes === 0 ? 'no limit set' : `of ${formatBytes(redis.maxMemoryBytes)}`) +
            (redis.appendOnly ? ' · append-only file on' : ' · no append-only file')
          }
        />
        <Stat
          label="Work queued"
          value={formatCount(waiting)}
          note={Object.entries(queues)
            .map(([name, depth]) => `${name}${GAP}${formatCount(depth)}`)
            .join(' · ')}
        />
      </dl>
      {!redis.appendOnly && (
        <p class="warning">Redis keeps no append-only file: what it holds is lost when it restarts.</p>
      )}
      <Rentals pool={pool} />
      {ROLES.map(({ role, title, help }) => (
        <NodesOf
          key={role}
          nodes={nodes.filter((node) => node.role === role)}
          role={role}
          title={title}
          help={help}
        />
      ))}
    </>
  );
}

function Rentals({ pool: { rentals } }: { pool: PoolStatus }): JSX.Element {
  return (
    <section>
      <h2>Who rents slots</h2>
      {rentals.length === 0 ? (
        <Empty title="No slot is rented.">A session rents slots while it runs.</Empty>
      ) : (
        <Table
          label="Who rents slots"
          columns={['Repo', 'Session', ...figures('Wanted', 'Rented', 'Quota of the Repo')]}
        >
          {rentals.slice(0, SHOWN).map(({ repoId, sessionId, wanted, granted, quota }) => (
            <tr key={`${repoId}/${sessionId}`}>
              <td>
                <a href={href(['repos', repoId])}>{repoId}</a>
              </td>
              <td>
                <a href={href(['repos', repoId, 'sessions', sessionId])}>{sessionId}</a>
              </td>
              <td class="num">{formatCount(wanted)}</td>
              <td class="num">{formatCount(granted)}</td>
              <td class="num">{quota === null ? 'none' : formatCount(quota)}</td>
            </tr>
          ))}
        </Table>
      )}
      {rentals.length > SHOWN && <p class="muted">and {formatCount(rentals.length - SHOWN)} more</p>}
    </section>
  );
}

function NodesOf(props: {
  nodes: readonly NodeRecord[];
  role: NodeRole;
  title: string;
  help: string;
}): JSX.Element {
  const { nodes, role, title, help } = props;
  return (
    <section>
      <h2>
        {title} <span class="count">{formatCount(nodes.length)}</span> <span class="h2-note">{help}</span>
      </h2>
      {nodes.length === 0 ? (
        <Empty title={`No ${role} runs.`}>
          Start one with <code>cloud-node {role}</code>.
        </Empty>
      ) : (
        <Table
          class="aligned"
          label={title}
          columns={[
            'Process',
            'Host',
            ...figures(role === 'gateway' ? 'Connections' : 'Busy slots', 'Memory', 'Up for'),
            'Version',
          ]}
        >
          {nodes.slice(0, SHOWN).map((node) => (
            <tr key={node.nodeId}>
              <td title={node.nodeId}>{node.nodeId}</td>
              <td>
                {node.host} <span class="muted">pid {node.pid}</span>
              </td>
              <td class="num">
                {role === 'gateway' ? formatCount(node.connections) : <Slots node={node} />}
              </td>
              <td class="num">{formatBytes(node.rssMiB * 1024 * 1024)}</td>
              <td class="num">{formatDuration(Date.now() - node.startedMs)}</td>
              <td>{node.version}</td>
            </tr>
          ))}
        </Table>
      )}
      {nodes.length > SHOWN && <p class="muted">and {formatCount(nodes.length - SHOWN)} more</p>}
    </section>
  );
}

function Slots({ node: { busySlots, slots } }: { node: NodeRecord }): JSX.Element {
  return (
    <span class="slots">
      {formatCount(busySlots)} of {formatCount(slots)}
      {slots > 0 && <Meter share={busySlots / slots} />}
    </span>
  );
}
