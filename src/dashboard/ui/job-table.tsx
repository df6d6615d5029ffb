import type { JSX } from 'preact';
import type { SessionView } from '../../protocol/http.js';
import { DASH, formatField } from '../lib/format.js';
import { jobFields } from '../lib/job-fields.js';
import { Table } from './table.js';

interface JobTableProps {
  readonly jobs: readonly { readonly name: string; readonly job: SessionView['job'] }[];
  /** Leaves out what all jobs have in common. */
  readonly onlyDifferences?: boolean;
}

/** Jobs beside one another, by the fields of the schema. */
export function JobTable({ jobs, onlyDifferences = false }: JobTableProps): JSX.Element {
  const rows = jobFields().map(({ path, help }) => ({
    path,
    help,
    values: jobs.map(({ job }) => textOf(job, path)),
  }));
  const shown = rows.filter(
    ({ path, values }) => path !== 'name' && (!onlyDifferences || new Set(values).size > 1),
  );
  if (shown.length === 0) return <p class="muted">Their jobs are the same.</p>;
  return (
    <Table
      label="Fields of the job"
      columns={['Field', ...jobs.map(({ name }) => (jobs.length === 1 ? 'Value' : name))]}
    >
      {shown.map(({ path, help, values }) => (
        <tr key={path}>
          <th scope="row" class="mono" title={help}>
            {path}
          </th>
          {values.map((value, i) => (
            <td key={i} class="mono">
              {value}
            </td>
          ))}
        </tr>
      ))}
    </Table>
  );
}

function textOf(job: object, path: string): string {
  let value: unknown = job;
  for (const part of path.split('.')) value = (value as Readonly<Record<string, unknown>> | null)?.[part];
  return formatField(value) || DASH;
}
