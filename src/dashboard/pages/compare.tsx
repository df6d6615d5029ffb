import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { SessionView } from '../../protocol/http.js';
import { api, path, toApiError, type ApiError } from '../lib/api.js';
import { formatCount, formatDuration, formatMetric } from '../lib/format.js';
import { href } from '../lib/route.js';
import { mainSeries, metricNames, type Series } from '../lib/series.js';
import { Badge, stateOf } from '../ui/badge.js';
import { Empty, Loading, Problem } from '../ui/feedback.js';
import { JobTable } from '../ui/job-table.js';
import { Key, LineChart } from '../ui/line-chart.js';
import { MAX_COMPARED } from './sessions.js';
import { figures, Table } from '../ui/table.js';

export function ComparePage({ repoId, ids }: { repoId: string; ids: readonly string[] }): JSX.Element {
  const [sessions, setSessions] = useState<readonly SessionView[] | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  const key = ids.slice(0, MAX_COMPARED).join(',');
  useEffect(() => {
    const ended = new AbortController();
    const { signal } = ended;
    Promise.all(key.split(',').map((id) => api<SessionView>(path.session(repoId, id), { signal }))).then(
      setSessions,
      (reason: unknown) => {
        if (!signal.aborted) setError(toApiError(reason));
      },
    );
    return () => ended.abort();
  }, [repoId, key]);
  if (ids.length < 2)
    return (
      <Empty title="Nothing to compare.">
        <a href={href(['repos', repoId, 'sessions'])}>Choose two sessions or more</a>
      </Empty>
    );
  return (
    <>
      <div class="title-row">
        <h1>Compare</h1>
        <a href={href(['repos', repoId, 'sessions'])}>Choose others</a>
      </div>
      <Problem error={error} />
      {sessions === null ? error === null && <Loading /> : <Comparison sessions={sessions} />}
    </>
  );
}

function Comparison({ sessions }: { sessions: readonly SessionView[] }): JSX.Element {
  const names = [...new Set(sessions.flatMap(metricNames))].slice(0, 6);
  const labels = labelsOf(sessions);
  const seriesFor = (metric: string): Series[] =>
    sessions.map((session, i) => ({
      name: labels[i] ?? '',
      points: mainSeries(session, metric)?.points ?? [],
    }));
  return (
    <>
      <div class="charts">
        {names.map((metric) => (
          <LineChart key={metric} metric={metric} series={seriesFor(metric)} xLabel="version" />
        ))}
      </div>
      <section>
        <h2>Results</h2>
        <Table
          label="Results"
          columns={[
            'Session',
            'State',
            ...figures('Rounds', ...names.map((name) => `Last ${name}`), 'Updates', 'Took'),
          ]}
        >
          {sessions.map((session, i) => (
            <tr key={session.sessionId}>
              <td>
                <Key index={i} />{' '}
                <a href={href(['repos', session.repoId, 'sessions', session.sessionId])}>{labels[i]}</a>
              </td>
              <td>
                <Badge state={stateOf(session)} />
              </td>
              <td class="num">{formatCount(session.version)}</td>
              {names.map((name) => (
                <td key={name} class="num">
                  {formatMetric(name, mainSeries(session, name)?.points.at(-1)?.y)}
                </td>
              ))}
              <td class="num">
                {formatCount(session.history.reduce((sum, round) => sum + round.updates, 0))}
              </td>
              <td class="num">{formatDuration((session.endedMs ?? Date.now()) - session.createdMs)}</td>
            </tr>
          ))}
        </Table>
      </section>
      <section>
        <h2>What differs in their jobs</h2>
        <JobTable jobs={sessions.map(({ job }, i) => ({ name: labels[i] ?? '', job }))} onlyDifferences />
      </section>
    </>
  );
}

/** Names, and the end of the id where names are the same. */
function labelsOf(sessions: readonly SessionView[]): string[] {
  const count = (name: string): number => sessions.filter((session) => session.job.name === name).length;
  return sessions.map(({ job, sessionId }) =>
    count(job.name) > 1 ? `${job.name} ${sessionId.slice(-4)}` : job.name,
  );
}
