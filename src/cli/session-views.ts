import type { SessionState } from '../core/session.js';
import type { SessionRow, SessionView } from '../protocol/http.js';
import { duration, integer, metric, relativeTime } from './format.js';
import type { Style } from './style.js';
import { renderFields, renderTable, type Column } from './table.js';

/** A state in the colour of what it means. */
export function paintState(state: SessionState, style: Style): string {
  if (state === 'completed') return style.green(state);
  if (state === 'failed') return style.red(state);
  return state === 'running' ? style.cyan(state) : style.yellow(state);
}

export function sessionColumns(style: Style, nowMs: number): readonly Column<SessionRow>[] {
  return [
    { title: 'Session', value: (row) => row.sessionId },
    { title: 'Job', value: (row) => row.name },
    { title: 'State', value: (row) => paintState(row.state, style) },
    { title: 'Version', value: (row) => `${row.version}/${row.maxRounds}`, align: 'right' },
    { title: 'Best', value: (row) => (row.best === null ? '' : row.best.value.toFixed(4)), align: 'right' },
    { title: 'Submitted', value: (row) => relativeTime(row.createdMs, nowMs) },
    { title: 'Reason', value: (row) => row.reason ?? '' },
  ];
}

/** One session with a line for each round. */
export function describeSession(
  session: SessionView,
  style: Style,
  options: { width: number | undefined },
): string[] {
  const nowMs = Date.now();
  const { job, round } = session;
  const fields: [string, string][] = [
    ['session', style.bold(session.sessionId)],
    ['repo', session.repoId],
    ['job', job.name],
    ['state', `${paintState(session.state, style)}${session.reason === null ? '' : `  ${session.reason}`}`],
    ['submitted', relativeTime(session.createdMs, nowMs)],
    ['took', duration((session.endedMs ?? nowMs) - session.createdMs)],
    ['version', `${session.version} of at most ${job.termination.maxRounds}`],
    ['parameters', integer(session.geometry.paramCount)],
  ];
  if (round !== null && session.endedMs === null) {
    const counts = `${session.received} of ${round.needed} updates, ${round.selected} Libraries asked`;
    fields.push(['round', `${round.number}, attempt ${round.attempt}: ${round.state}, ${counts}`]);
  }
  if (session.best !== null) {
    fields.push(['best', `${session.best.value.toFixed(4)} in version ${session.best.version}`]);
  }
  fields.push(['started from', job.modelId]);
  if (session.resultModelId !== null) fields.push(['result', style.bold(session.resultModelId)]);
  return [...renderFields(fields, style), '', ...roundsTable(session, style, options.width)];
}

function roundsTable({ history, scores }: SessionView, style: Style, width: number | undefined): string[] {
  const names = [...new Set(scores.flatMap(({ metrics }) => Object.keys(metrics)))].sort();
  const scored = new Map(scores.map(({ version, metrics }) => [version, metrics]));
  const metricColumns = names.map((name): Column<SessionView['history'][number]> => ({
    title: `Test ${name}`,
    align: 'right',
    value: ({ round }) => {
      const value = scored.get(round)?.[name];
      return value === undefined ? '' : metric(name, value);
    },
  }));
  return renderTable(
    [
      { title: 'Round', value: (row) => String(row.round), align: 'right' },
      { title: 'Attempt', value: (row) => String(row.attempt), align: 'right' },
      { title: 'Updates', value: (row) => `${row.updates}/${row.selected}`, align: 'right' },
      { title: 'Examples', value: (row) => integer(row.totalExamples), align: 'right' },
      { title: 'Took', value: (row) => duration(row.publishedMs - row.openedMs), align: 'right' },
      {
        title: 'Training loss',
        value: ({ metrics }) => (metrics['loss'] === undefined ? '' : metric('loss', metrics['loss'])),
        align: 'right',
      },
      ...metricColumns,
      { title: 'SHA-256', value: (row) => row.sha256.slice(0, 12) },
    ],
    history,
    { style, width, empty: 'No round is published yet.' },
  );
}
