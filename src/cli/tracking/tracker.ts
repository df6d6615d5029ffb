import type { SessionView } from '../../protocol/http.js';
import type { MetricPoint } from './points.js';

/** Where the metrics of one session go. Everything may be called again: what is there already is left out. */
export interface Tracker {
  /** For people: what it is, and where to look. */
  readonly label: string;
  /** Writes the points that are not there yet; afterwards a reader sees them. */
  write(points: readonly MetricPoint[]): Promise<void>;
  /** The session has ended. */
  end(view: SessionView): Promise<void>;
}
