import type { ComponentChildren, JSX } from 'preact';
import { useState } from 'preact/hooks';

interface VirtualListProps<T> {
  readonly items: readonly T[];
  readonly rowHeight: number;
  readonly maxHeight: number;
  readonly label: string;
  readonly row: (item: T, index: number) => ComponentChildren;
}

const OVERSCAN = 6;

/** A list of which only what can be seen is in the page: a hundred thousand rows cost what thirty do. */
export function VirtualList<T>({
  items,
  rowHeight,
  maxHeight,
  label,
  row,
}: VirtualListProps<T>): JSX.Element {
  const [top, setTop] = useState(0);
  const first = Math.max(0, Math.floor(top / rowHeight) - OVERSCAN);
  const last = Math.min(items.length, Math.ceil((top + maxHeight) / rowHeight) + OVERSCAN);
  return (
    <div
      class="virtual"
      tabIndex={0}
      role="region"
      aria-label={label}
      style={{ maxHeight: `${maxHeight}px` }}
      onScroll={(event) => setTop(event.currentTarget.scrollTop)}
    >
      <ol style={{ height: `${items.length * rowHeight}px` }}>
        {items.slice(first, last).map((item, i) => (
          <li
            key={first + i}
            aria-setsize={items.length}
            aria-posinset={first + i + 1}
            style={{ top: `${(first + i) * rowHeight}px`, height: `${rowHeight}px` }}
          >
            {row(item, first + i)}
          </li>
        ))}
      </ol>
    </div>
  );
}
