import type { ComponentChildren, JSX } from 'preact';

/** A heading: of words, of figures, or one that only a screen reader needs. */
export type Column = string | { readonly figures: string } | { readonly unseen: string };

export const figures = (...names: readonly string[]): Column[] => names.map((name) => ({ figures: name }));

/** A table whose rows are its children. Where it is too wide it scrolls by itself, by keyboard too. */
export function Table(props: {
  label: string;
  columns: readonly Column[];
  class?: string;
  children: ComponentChildren;
}): JSX.Element {
  const { label, columns, children } = props;
  return (
    <div class="table-wrap" tabIndex={0} role="region" aria-label={label}>
      <table class={props.class}>
        <thead>
          <tr>
            {columns.map((column, i) => (
              <Heading key={i} column={column} />
            ))}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  );
}

function Heading({ column }: { column: Column }): JSX.Element {
  if (typeof column === 'string') return <th scope="col">{column}</th>;
  if ('figures' in column)
    return (
      <th scope="col" class="num">
        {column.figures}
      </th>
    );
  return (
    <th scope="col">
      <span class="sr-only">{column.unseen}</span>
    </th>
  );
}
