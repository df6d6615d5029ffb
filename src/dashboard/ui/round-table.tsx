import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { SessionView } from '../../protocol/http.js';
import { formatCount, formatDuration, formatMetric } from '../lib/format.js';
import { Pager } from './pager.js';
import { figures, Table } from './table.js';

const PAGE = 20;

/** Published rounds, newest first: who took part, what came of it, and what it took. */
export function RoundTable({
  history,
  names,
}: {
  history: SessionView['history'];
  names: readonly string[];
}): JSX.Element {
  const [offset, setOffset] = useState(0);
  const rows = [...history].reverse().slice(offset, offset + PAGE);
  return (
    <>
      <Table
        label="Rounds"
        columns={[
          ...figures('Round', 'Selected', 'Received', 'Late or lost', 'Examples'),
          ...figures(...names.map((name) => `Training ${name}`)),
          ...figures('Collecting', 'Closing'),
        ]}
      >
        {rows.map((r) => (
          <tr key={r.round}>
            <td class="num">
              {formatCount(r.round)}
              {r.attempt > 1 && <span class="muted"> attempt {r.attempt}</span>}
            </td>
            <td class="num">{formatCount(r.selected)}</td>
            <td class="num">{formatCount(r.updates)}</td>
            <td class="num">{formatCount(Math.max(0, r.selected - r.updates))}</td>
            <td class="num">{formatCount(r.totalExamples)}</td>
            {names.map((name) => (
              <td key={name} class="num">
                {formatMetric(name, r.metrics[name])}
              </td>
            ))}
            <td class="num">{formatDuration(r.closedMs - r.openedMs)}</td>
            <td class="num">{formatDuration(r.publishedMs - r.closedMs)}</td>
          </tr>
        ))}
      </Table>
      <Pager offset={offset} limit={PAGE} total={history.length} onChange={setOffset} />
    </>
  );
}
