import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { isFinal } from '../../core/session.js';
import type { AssignmentCounts, LoggedEvent, SessionView } from '../../protocol/http.js';
import { path } from '../lib/api.js';
import { formatCount, formatDate, formatDuration, formatMetric } from '../lib/format.js';
import { follow } from '../lib/live.js';
import { mainSeries, metricNames, phaseTimes, seriesOf } from '../lib/series.js';
import { mayWrite } from '../lib/token.js';
import { useApi } from '../lib/use-api.js';
import { useNow } from '../lib/use-now.js';
import { wantedOf } from '../lib/wanted.js';
import { Badge, stateOf } from '../ui/badge.js';
import { EventList } from '../ui/event-list.js';
import { Empty, Loading, Problem } from '../ui/feedback.js';
import { LineChart } from '../ui/line-chart.js';
import { PhaseChart } from '../ui/phase-chart.js';
import { RoundBar } from '../ui/round-bar.js';
import { RoundTable } from '../ui/round-table.js';
import { SessionActions } from '../ui/session-actions.js';
import { Stat } from '../ui/stat.js';
import { JobTable } from '../ui/job-table.js';
import { Versions } from '../ui/versions.js';

/** Events only say that something changed; however many come, the pool is asked so often. */
const REFRESH_MS = 400;
const EVERY_MS = 5_000;

export function SessionPage({ repoId, sessionId }: { repoId: string; sessionId: string }): JSX.Element {
  const url = path.session(repoId, sessionId);
  const { data, error, reload } = useApi<SessionView>(url, { everyMs: EVERY_MS });
  const isOver = data !== null && isFinal(data.state);
  const counts = useApi<AssignmentCounts>(isOver || data === null ? null : `${url}/assignments`, {
    everyMs: EVERY_MS,
  });
  const refresh = useRef<() => void>(() => undefined);
  refresh.current = () => {
    reload();
    counts.reload();
  };
  const events = useEvents(repoId, sessionId, () => refresh.current());
  if (data === null)
    return (
      <>
        <h1>{sessionId}</h1>
        <Problem error={error} />
        {error === null && <Loading />}
      </>
    );
  return (
    <>
      <div class="title-row">
        <h1>{data.job.name}</h1>
        <Badge state={stateOf(data)} />
        {mayWrite() && !isOver && <SessionActions session={data} onChanged={reload} />}
      </div>
      <p class="muted lead">
        <span class="mono">{sessionId}</span> · submitted {formatDate(data.createdMs)}
        {data.reason !== null && <> · {data.reason}</>}
      </p>
      <Problem error={error} />
      <Session session={data} counts={counts.data} events={events} />
    </>
  );
}

function Session({
  session,
  counts,
  events,
}: {
  session: SessionView;
  counts: AssignmentCounts | null;
  events: readonly LoggedEvent[];
}): JSX.Element {
  const { history, job, version, createdMs, endedMs } = session;
  const names = metricNames(session);
  const lead = names[0];
  const latest = lead === undefined ? undefined : mainSeries(session, lead)?.points.at(-1);
  return (
    <>
      <Progress session={session} counts={counts} />
      <dl class="stats">
        <Stat
          label="Version"
          value={`${formatCount(version)} of ${formatCount(job.termination.maxRounds)}`}
        />
        {lead !== undefined && (
          <Stat
            label={`Latest ${lead}`}
            value={formatMetric(lead, latest?.y)}
            note={latest === undefined ? undefined : `version ${formatCount(latest.x)}`}
          />
        )}
        <Stat
          label="Updates counted"
          value={formatCount(history.reduce((sum, round) => sum + round.updates, 0))}
          note="in published rounds"
        />
        <Stat label="Parameters" value={formatCount(session.geometry.paramCount)} />
        {endedMs === null ? (
          <RunningFor sinceMs={createdMs} />
        ) : (
          <Stat label="Took" value={formatDuration(endedMs - createdMs)} />
        )}
      </dl>
      {history.length === 0 && session.scores.length === 0 ? (
        <Empty title={endedMs === null ? 'No round is published yet.' : 'No round was published.'}>
          Curves begin with the first one.
        </Empty>
      ) : (
        <div class="charts">
          {names.slice(0, 8).map((metric) => (
            <LineChart key={metric} metric={metric} series={seriesOf(session, metric)} xLabel="version" />
          ))}
          {history.length > 0 && <PhaseChart times={phaseTimes(session)} />}
        </div>
      )}
      <section>
        <h2>Events</h2>
        <EventList events={events} />
      </section>
      {history.length > 0 && (
        <section>
          <h2>Rounds</h2>
          <RoundTable history={history} names={names.slice(0, 3)} />
        </section>
      )}
      <section>
        <h2>Versions</h2>
        <Versions session={session} />
      </section>
      <section>
        <details>
          <summary>The job</summary>
          <JobTable jobs={[{ name: job.name, job }]} />
        </details>
      </section>
    </>
  );
}

function RunningFor({ sinceMs }: { sinceMs: number }): JSX.Element {
  const ms = Math.max(0, useNow() - sinceMs);
  return <Stat label="Running for" value={formatDuration(Math.ceil(ms / 1_000) * 1_000).replace('.0', '')} />;
}

function Progress({
  session,
  counts,
}: {
  session: SessionView;
  counts: AssignmentCounts | null;
}): JSX.Element | null {
  const { round, state, job, deadlineMs, pausedUntilMs } = session;
  if (isFinal(state)) return null;
  return (
    <section class="now" aria-label="The current round">
      <div class="now-head">
        <strong>
          {round === null
            ? state === 'queued'
              ? 'Waits for its turn'
              : 'Waits for Libraries'
            : `Round ${formatCount(round.number)} of ${formatCount(job.termination.maxRounds)}`}
        </strong>
        {round !== null && <span class="phase-name">{round.state}</span>}
        {round !== null && round.attempt > 1 && <span class="muted">attempt {round.attempt}</span>}
        <Deadline
          untilMs={pausedUntilMs ?? round?.deadlineMs ?? deadlineMs}
          what={pausedUntilMs === null ? 'left' : 'until it is cancelled'}
        />
      </div>
      {round?.state === 'selecting' && pausedUntilMs === null && <p class="muted">{wantedOf(job)}</p>}
      {/* Counts of an attempt that is over say nothing of this one. */}
      <RoundBar
        session={session}
        counts={counts?.round === round?.number && counts?.attempt === round?.attempt ? counts : null}
      />
    </section>
  );
}

function Deadline({ untilMs, what }: { untilMs: number | null; what: string }): JSX.Element | null {
  const nowMs = useNow();
  if (untilMs === null) return null;
  return (
    <span class="deadline">
      {untilMs > nowMs
        ? `at most ${formatDuration(Math.ceil((untilMs - nowMs) / 1000) * 1000).replace('.0', '')} ${what}`
        : 'deadline is over'}
    </span>
  );
}

/** All kept events of a session, newest first; `onEvent` is called soon after some came, not for each. */
function useEvents(repoId: string, sessionId: string, onEvent: () => void): readonly LoggedEvent[] {
  const [events, setEvents] = useState<readonly LoggedEvent[]>([]);
  const latest = useRef(onEvent);
  latest.current = onEvent;
  useEffect(() => {
    const pending: LoggedEvent[] = [];
    let timer: ReturnType<typeof setTimeout> | undefined;
    const flush = (): void => {
      timer = undefined;
      const fresh = pending.splice(0).reverse();
      setEvents((now) => [...fresh, ...now]);
      latest.current();
    };
    setEvents([]);
    const end = follow({ repoId, sessionId }, (event) => {
      pending.push(event);
      timer ??= setTimeout(flush, REFRESH_MS);
    });
    return () => {
      end();
      clearTimeout(timer);
    };
  }, [repoId, sessionId]);
  return events;
}
