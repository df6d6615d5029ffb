import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { RepoStatus } from '../../protocol/http.js';
import type { RepoRecord } from '../../protocol/records.js';
import { path } from '../lib/api.js';
import { formatCount } from '../lib/format.js';
import { href } from '../lib/route.js';
import { useApi } from '../lib/use-api.js';
import { Badge } from '../ui/badge.js';
import { Empty, Loading, Problem } from '../ui/feedback.js';
import { Pager } from '../ui/pager.js';

/** Each card asks for its own Repo: so many at once, not a thousand. */
const PAGE = 24;

export function ReposPage(): JSX.Element {
  const { data, error } = useApi<{ repos: RepoRecord[] }>('/v1/repos', { everyMs: 10_000 });
  const [filter, setFilter] = useState('');
  const [offset, setOffset] = useState(0);
  const wanted = filter.trim().toLowerCase();
  const found = (data?.repos ?? []).filter(({ repoId, name }) =>
    `${repoId} ${name}`.toLowerCase().includes(wanted),
  );
  return (
    <>
      <div class="title-row">
        <h1>Repos</h1>
        {(data?.repos.length ?? 0) > 6 && (
          <input
            type="search"
            aria-label="Find a Repo"
            placeholder="Find a Repo"
            value={filter}
            onInput={(event) => {
              setFilter(event.currentTarget.value);
              setOffset(0);
            }}
          />
        )}
      </div>
      <Problem error={error} />
      {data === null && error === null && <Loading />}
      {data !== null && data.repos.length === 0 && (
        <Empty title="There is no Repo that you may see.">
          An admin makes one with <code>npm run cloud-node -- repo create demo</code>.
        </Empty>
      )}
      {data !== null && data.repos.length > 0 && found.length === 0 && (
        <Empty title={`No Repo is called like “${filter}”.`} />
      )}
      <ul class="cards">
        {found.slice(offset, offset + PAGE).map((repo) => (
          <RepoCard key={repo.repoId} repo={repo} />
        ))}
      </ul>
      <Pager offset={offset} limit={PAGE} total={found.length} onChange={setOffset} />
    </>
  );
}

function RepoCard({ repo: { repoId, name } }: { repo: RepoRecord }): JSX.Element {
  const { data } = useApi<RepoStatus>(path.repo(repoId), { everyMs: 4_000 });
  const first = data?.runningSessions[0];
  return (
    <li class="card">
      <div class="card-head">
        <h2>
          <a href={href(['repos', repoId])}>{name}</a>
        </h2>
        {data !== null && <Badge state={data.status} />}
      </div>
      {name !== repoId && <div class="muted mono">{repoId}</div>}
      <dl class="pairs">
        <div>
          <dt>Libraries online</dt>
          <dd>{data === null ? '…' : formatCount(data.librariesOnline)}</dd>
        </div>
        <div>
          <dt>Sessions running</dt>
          <dd>{data === null ? '…' : formatCount(data.runningSessions.length)}</dd>
        </div>
        <div>
          <dt>Sessions queued</dt>
          <dd>{data === null ? '…' : formatCount(data.queuedSessions)}</dd>
        </div>
        <div>
          <dt>Slots rented</dt>
          <dd>{data === null ? '…' : formatCount(data.rentedSlots)}</dd>
        </div>
      </dl>
      {first !== undefined && (
        <p class="muted card-foot">
          {first.round === null ? first.state : `Round ${formatCount(first.round)}`} of{' '}
          <a href={href(['repos', repoId, 'sessions', first.sessionId])}>{first.name}</a>
        </p>
      )}
    </li>
  );
}
