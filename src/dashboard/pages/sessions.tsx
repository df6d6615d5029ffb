import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { SessionRow } from '../../protocol/http.js';
import { path } from '../lib/api.js';
import { DASH, formatCount, formatDate, formatDuration, formatMetric } from '../lib/format.js';
import { href } from '../lib/route.js';
import { mayWrite } from '../lib/token.js';
import { useApi } from '../lib/use-api.js';
import { Badge, stateOf } from '../ui/badge.js';
import { Empty, Loading, Problem } from '../ui/feedback.js';
import { Pager } from '../ui/pager.js';
import { figures, Table } from '../ui/table.js';

const PAGE = 50;
/** As many as there are colours and marks that can be told apart. */
export const MAX_COMPARED = 6;

export function SessionsPage({ repoId, query }: { repoId: string; query: URLSearchParams }): JSX.Element {
  const offset = Math.max(0, Number(query.get('offset') ?? 0) || 0);
  const [chosen, setChosen] = useState<readonly string[]>([]);
  const { data, error } = useApi<{ sessions: SessionRow[]; total: number }>(
    `${path.repo(repoId)}/sessions?limit=${PAGE}&offset=${offset}`,
    { everyMs: 4_000 },
  );
  const toggle = (id: string): void =>
    setChosen((now) => (now.includes(id) ? now.filter((one) => one !== id) : [...now, id]));
  const goTo = (next: number): void =>
    void (location.hash = href(['repos', repoId, 'sessions'], { offset: String(next) }));
  return (
    <>
      <div class="title-row">
        <h1>Sessions</h1>
        {chosen.length < 2 ? (
          <span class="muted">Choose 2 to {MAX_COMPARED} to compare them.</span>
        ) : (
          <a class="button" href={href(['repos', repoId, 'compare'], { ids: chosen.join(',') })}>
            Compare {chosen.length} sessions
          </a>
        )}
      </div>
      <Problem error={error} />
      {data === null && error === null && <Loading />}
      {data?.total === 0 && (
        <Empty title="No session yet.">
          {mayWrite() ? (
            <a href={href(['repos', repoId, 'submit'])}>Submit a job</a>
          ) : (
            'Whoever has role explora or owner can submit a job.'
          )}
        </Empty>
      )}
      {data !== null && data.sessions.length > 0 && (
        <Table
          label="Sessions"
          columns={[
            { unseen: 'Compare' },
            'Job',
            'State',
            ...figures('Version', 'Best'),
            'Submitted',
            ...figures('Took'),
          ]}
        >
          {data.sessions.map((row) => (
            <Row
              key={row.sessionId}
              row={row}
              isChosen={chosen.includes(row.sessionId)}
              isFull={chosen.length >= MAX_COMPARED}
              onToggle={toggle}
            />
          ))}
        </Table>
      )}
      <Pager offset={offset} limit={PAGE} total={data?.total ?? 0} onChange={goTo} />
    </>
  );
}

function Row(props: {
  row: SessionRow;
  isChosen: boolean;
  isFull: boolean;
  onToggle: (id: string) => void;
}): JSX.Element {
  const { row, isChosen, isFull, onToggle } = props;
  const { repoId, sessionId, name, version, maxRounds, best, watched, createdMs, endedMs } = row;
  return (
    <tr>
      <td>
        <label class="hit">
          <input
            type="checkbox"
            aria-label={`Compare ${name}, ${sessionId}`}
            checked={isChosen}
            disabled={isFull && !isChosen}
            onChange={() => onToggle(sessionId)}
          />
        </label>
      </td>
      <td>
        <a href={href(['repos', repoId, 'sessions', sessionId])}>{name}</a>
        <div class="muted mono small">{sessionId}</div>
      </td>
      <td>
        <Badge state={stateOf(row)} />
      </td>
      <td class="num">
        {formatCount(version)} <span class="muted">of {formatCount(maxRounds)}</span>
      </td>
      <td class="num">
        {best === null ? (
          DASH
        ) : (
          <>
            <span class="muted">{watched}</span> {formatMetric(watched, best.value)}{' '}
            <span class="muted">at {formatCount(best.version)}</span>
          </>
        )}
      </td>
      <td>{formatDate(createdMs)}</td>
      <td class="num">{endedMs === null ? DASH : formatDuration(endedMs - createdMs)}</td>
    </tr>
  );
}
