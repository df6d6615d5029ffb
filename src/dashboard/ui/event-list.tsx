import type { JSX } from 'preact';
import type { SessionEvent } from '../../core/decision.js';
import type { LoggedEvent } from '../../protocol/http.js';
import { formatCount, formatMetric, formatTime, plural } from '../lib/format.js';
import { Empty } from './feedback.js';
import { Icon, type IconName } from './icon.js';
import { useWidth } from './use-width.js';
import { VirtualList } from './virtual-list.js';

export function EventList({ events }: { events: readonly LoggedEvent[] }): JSX.Element {
  const [ref, width] = useWidth<HTMLDivElement>();
  const isNarrow = width > 0 && width < NARROW;
  return (
    <div ref={ref} class={isNarrow ? 'narrow' : ''}>
      {events.length === 0 ? (
        <Empty title="No events yet." />
      ) : (
        <Rows events={events} rowHeight={isNarrow ? 50 : 32} />
      )}
    </div>
  );
}

/** Where one line is too little for most sentences. */
const NARROW = 560;

function Rows({ events, rowHeight }: { events: readonly LoggedEvent[]; rowHeight: number }): JSX.Element {
  return (
    <VirtualList
      items={foldUpdates(events)}
      rowHeight={rowHeight}
      maxHeight={10 * 32}
      label="Events, newest first"
      row={({ atMs, event }) => (
        <div class="event">
          <time dateTime={new Date(atMs).toISOString()}>{formatTime(atMs)}</time>
          <Icon name={iconOf(event.type)} />
          <span class="event-text" title={sentence(event)}>
            {sentence(event)}
          </span>
        </div>
      )}
    />
  );
}

/** Of updates of one round that came one after another only the last count is worth a line. */
function foldUpdates(events: readonly LoggedEvent[]): LoggedEvent[] {
  return events.filter(({ event }, i) => {
    const newer = events[i - 1]?.event;
    if (event.type !== 'update.received' || newer?.type !== 'update.received') return true;
    return event.round !== newer.round;
  });
}

function iconOf(type: SessionEvent['type']): IconName {
  switch (type) {
    case 'session.completed':
    case 'round.published':
      return 'check';
    case 'session.failed':
    case 'round.abandoned':
      return 'cross';
    case 'session.cancelled':
      return 'stop';
    case 'session.paused':
      return 'pause';
    case 'session.queued':
    case 'round.selecting':
      return 'clock';
    case 'round.replaced':
      return 'alert';
    case 'session.recruiting':
      return 'people';
    case 'update.received':
      return 'down';
    default:
      return 'play';
  }
}

/** What happened, for a person. */
export function sentence(event: SessionEvent): string {
  switch (event.type) {
    case 'round.opened':
      return `Round ${event.round} opened: ${plural(event.selected, 'Library', 'Libraries')} asked, ${formatCount(event.needed)} needed${event.attempt > 1 ? `, attempt ${event.attempt}` : ''}`;
    case 'update.received':
      return `Round ${event.round}: ${formatCount(event.received)} of ${plural(event.needed, 'update')} received`;
    case 'round.replaced':
      return `Round ${event.round}: ${plural(event.expired, 'Library', 'Libraries')} lost, ${formatCount(event.assigned)} asked instead`;
    case 'round.closed':
      return `Round ${event.round} closed with ${plural(event.updates, 'update')}`;
    case 'round.abandoned':
      return `Round ${event.round}, attempt ${event.attempt}, was abandoned: ${event.reason}`;
    case 'round.published': {
      const { metrics } = event.summary;
      const shown = ['accuracy', 'loss'].filter((name) => metrics[name] !== undefined);
      const text = shown.map((name) => `${name} ${formatMetric(name, metrics[name])}`).join(', ');
      return `Version ${event.round} published${text === '' ? '' : `: training ${text}`}`;
    }
    case 'round.selecting':
      return `Round ${event.round} waits for Libraries${event.reason === null ? '' : `: ${event.reason}`}`;
    case 'version.scored': {
      const text = Object.entries(event.metrics).map(
        ([name, value]) => `${name} ${formatMetric(name, value)}`,
      );
      return `Version ${event.version} scored on the test set: ${text.join(', ')}`;
    }
    default: {
      const what = event.type.replace('session.', '');
      return `Session ${what}${event.reason === null ? '' : `: ${event.reason}`}`;
    }
  }
}
