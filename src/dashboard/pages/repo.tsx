import type { JSX } from 'preact';
import type { KeyView, RepoStatus } from '../../protocol/http.js';
import type { RepoRecord } from '../../protocol/records.js';
import type { RepoLimits } from '../../protocol/repo-limits.js';
import { path } from '../lib/api.js';
import { formatBytes, formatCount, formatDate, plural } from '../lib/format.js';
import { href } from '../lib/route.js';
import { mayManageKeys } from '../lib/token.js';
import { useApi } from '../lib/use-api.js';
import { Badge } from '../ui/badge.js';
import { Empty, Loading, Problem } from '../ui/feedback.js';
import { Stat } from '../ui/stat.js';
import { Table } from '../ui/table.js';

export function RepoPage({ repoId }: { repoId: string }): JSX.Element {
  const { data, error } = useApi<RepoStatus>(path.repo(repoId), { everyMs: 2_000 });
  const { data: all } = useApi<{ repos: RepoRecord[] }>('/v1/repos');
  const quota = all?.repos.find((repo) => repo.repoId === repoId);
  return (
    <>
      <div class="title-row">
        <h1>{data?.name ?? repoId}</h1>
        {data !== null && <Badge state={data.status} />}
      </div>
      <Problem error={error} />
      {data === null && error === null && <Loading />}
      {data !== null && (
        <>
          <dl class="stats">
            <Stat label="Libraries online" value={formatCount(data.librariesOnline)} />
            <Stat
              label="Sessions running"
              value={formatCount(data.runningSessions.length)}
              note={quota === undefined ? undefined : `at most ${formatCount(quota.concurrency)} at once`}
            />
            <Stat label="Sessions queued" value={formatCount(data.queuedSessions)} />
            <Stat
              label="Slots rented"
              value={formatCount(data.rentedSlots)}
              note={
                quota === undefined
                  ? undefined
                  : quota.maxSlots === null
                    ? 'no quota'
                    : `quota ${formatCount(quota.maxSlots)}`
              }
            />
          </dl>
          <section>
            <h2>Running now</h2>
            {data.runningSessions.length === 0 ? (
              <Empty title="No session runs.">
                {data.librariesOnline === 0
                  ? 'No Library is online either. Let one join with an API key of this Repo, then submit a job.'
                  : `${plural(data.librariesOnline, 'Library waits', 'Libraries wait')} for a job.`}
              </Empty>
            ) : (
              <ul class="rows">
                {data.runningSessions.map(({ sessionId, name, state, round, version }) => (
                  <li key={sessionId}>
                    <a href={href(['repos', repoId, 'sessions', sessionId])}>{name}</a>
                    <span class="muted mono small">{sessionId}</span>
                    <Badge state={state} />
                    <span class="muted">
                      {round === null ? 'before its first round' : `round ${formatCount(round)}`} · version{' '}
                      {formatCount(version)}
                    </span>
                  </li>
                ))}
              </ul>
            )}
          </section>
          {quota !== undefined && <Limits limits={quota.limits} />}
          {mayManageKeys() && <Keys repoId={repoId} />}
        </>
      )}
    </>
  );
}

function Keys({ repoId }: { repoId: string }): JSX.Element {
  const { data, error } = useApi<{ keys: KeyView[] }>(`${path.repo(repoId)}/keys`, { everyMs: 15_000 });
  return (
    <section>
      <h2>API keys of Libraries</h2>
      <Problem error={error} />
      {data !== null && data.keys.length === 0 && (
        <Empty title="There is no key: no Library can join.">
          Make one with <code>npm run cloud-node -- key create {repoId}</code>.
        </Empty>
      )}
      {data !== null && data.keys.length > 0 && (
        <Table label="API keys" columns={['Key', 'Label', 'Made', 'Last used', 'State']}>
          {data.keys.map((key) => (
            <tr key={key.keyId}>
              <td class="mono">{key.keyId}</td>
              <td>{key.label === '' ? <span class="muted">none</span> : key.label}</td>
              <td>{formatDate(key.createdMs)}</td>
              <td>
                {key.lastUsedMs === null ? <span class="muted">never</span> : formatDate(key.lastUsedMs)}
              </td>
              <td>{keyState(key)}</td>
            </tr>
          ))}
        </Table>
      )}
    </section>
  );
}

function keyState({ revokedMs, expiresMs }: KeyView): string {
  if (revokedMs !== null) return `revoked ${formatDate(revokedMs)}`;
  if (expiresMs === null) return 'valid';
  return expiresMs > Date.now() ? `valid until ${formatDate(expiresMs)}` : `ended ${formatDate(expiresMs)}`;
}

const LIMITS: Readonly<Record<keyof RepoLimits, string>> = {
  libraries: 'Libraries',
  examples: 'Examples of a Library',
  models: 'Models',
  testSets: 'Test sets',
  bytes: 'Models and test sets',
  keys: 'API keys',
  aliases: 'Names of models',
  sessions: 'Sessions kept',
  openSessions: 'Sessions open',
  openEvaluations: 'Evaluations open',
};

/** What it may hold, where that is other than what the pool allows every Repo. */
function Limits({ limits }: { limits: RepoLimits }): JSX.Element | null {
  const own = Object.entries(LIMITS).flatMap(([name, label]) => {
    const limit = limits[name as keyof RepoLimits];
    return limit === undefined ? [] : [{ name, label, limit }];
  });
  if (own.length === 0) return null;
  return (
    <section>
      <h2>
        Limits of this Repo <span class="h2-note">the pool’s hold for the rest</span>
      </h2>
      <dl class="pairs limits">
        {own.map(({ name, label, limit }) => (
          <div key={name}>
            <dt>{label}</dt>
            <dd>at most {name === 'bytes' ? formatBytes(limit) : formatCount(limit)}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
