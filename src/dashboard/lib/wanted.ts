import type { Job } from '../../core/job.js';
import { formatCount, plural } from './format.js';

/** With how many Libraries a round of the job opens. */
export function wantedOf({ selection, continuation: { minUpdates }, datasetId }: Job): string {
  const atOnce = Math.max(selection.goal, minUpdates);
  const data = datasetId === null ? '' : ` with data set “${datasetId}”`;
  const late = minUpdates < atOnce ? `, at the deadline with ${formatCount(minUpdates)} or more` : '';
  return `Opens with ${plural(atOnce, 'Library', 'Libraries')}${data}${late}.`;
}
