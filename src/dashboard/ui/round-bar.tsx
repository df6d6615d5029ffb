import type { JSX } from 'preact';
import type { AssignmentCounts, SessionView } from '../../protocol/http.js';
import { formatCount } from '../lib/format.js';

interface Part {
  readonly name: string;
  readonly count: number;
  readonly fill: 'solid' | 'dense' | 'open' | 'crossed';
  readonly help: string;
}

/** Who was asked in the open round and what became of it: each part has a pattern, a name and a number. */
export function RoundBar({
  session,
  counts,
}: {
  session: SessionView;
  counts: AssignmentCounts | null;
}): JSX.Element | null {
  const { round, received } = session;
  if (round === null || round.state === 'selecting') return null;
  const parts = partsOf(round.state, received, counts);
  const total = Math.max(round.selected, ...[parts.reduce((sum, part) => sum + part.count, 0)], 1);
  const at = (count: number): string => `${(100 * count) / total}%`;
  return (
    <div class="round-bar">
      <div class="bar" aria-hidden="true">
        {parts.map(({ name, count, fill }) => (
          <div key={name} class={`part ${fill}`} style={{ width: at(count) }} />
        ))}
        {round.needed <= total && <div class="needed" style={{ left: at(round.needed) }} />}
      </div>
      <dl class="parts">
        <div title="Libraries that were asked in this round">
          <dt>selected</dt>
          <dd>{formatCount(round.selected)}</dd>
        </div>
        {parts.map(({ name, count, fill, help }) => (
          <div key={name} title={help}>
            <dt>
              <span class={`swatch ${fill}`} aria-hidden="true" />
              {name}
            </dt>
            <dd>{formatCount(count)}</dd>
          </div>
        ))}
        <div title="So many updates close the round before its deadline">
          <dt>
            <span class="swatch mark" aria-hidden="true" />
            needed
          </dt>
          <dd>{formatCount(round.needed)}</dd>
        </div>
      </dl>
    </div>
  );
}

function partsOf(state: string, received: number, counts: AssignmentCounts | null): Part[] {
  const { offered = 0, accepted = 0, declined = 0, failed = 0, expired = 0 } = counts?.counts ?? {};
  const waiting: Part[] =
    state === 'collecting'
      ? [
          { name: 'training', count: accepted, fill: 'dense', help: 'Libraries that took the assignment' },
          { name: 'asked', count: offered, fill: 'open', help: 'Libraries that have not answered yet' },
        ]
      : [
          {
            name: 'late',
            count: offered + accepted,
            fill: 'open',
            help: 'Libraries that had not sent an update when the round closed',
          },
        ];
  return [
    { name: 'received', count: received, fill: 'solid', help: 'Updates that were counted' },
    ...waiting,
    { name: 'lost', count: expired, fill: 'crossed', help: 'Libraries that went away for too long' },
    {
      name: 'declined or failed',
      count: declined + failed,
      fill: 'crossed',
      help: 'Libraries that said no or could not',
    },
  ];
}
