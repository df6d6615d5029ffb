import type { ComponentChildren, JSX } from 'preact';

interface MenuProps {
  readonly label: string;
  /** Of menus with one group at most one is open. */
  readonly group: string;
  readonly children: ComponentChildren;
}

/** A button that opens what stands below it; Escape closes it and leaves the focus on the button. */
export function Menu({ label, group, children }: MenuProps): JSX.Element {
  return (
    <details
      class="menu"
      name={group}
      onKeyDown={(event) => {
        const { currentTarget: menu } = event;
        if (event.key !== 'Escape' || !menu.open) return;
        menu.open = false;
        menu.querySelector('summary')?.focus();
      }}
    >
      <summary class="button">{label}</summary>
      {children}
    </details>
  );
}
