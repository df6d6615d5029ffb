import type { ComponentChildren, JSX } from 'preact';

interface StatProps {
  readonly label: string;
  readonly value: string;
  readonly note?: ComponentChildren;
  /** 0 to 1: draws how full it is. */
  readonly share?: number | undefined;
}

/** One number that matters. */
export function Stat({ label, value, note, share }: StatProps): JSX.Element {
  return (
    <div class="stat">
      <dt>{label}</dt>
      <dd>
        <Value text={value} />
        {share !== undefined && <Meter share={share} />}
        {note !== undefined && <div class="stat-note">{note}</div>}
      </dd>
    </div>
  );
}

/** The unit smaller than the number, so that the number is what is read. */
export function Value({ text }: { text: string }): JSX.Element {
  const [, number = text, unit = ''] = /^([\d.,]+)\u00a0([^\d]+)$/.exec(text) ?? [];
  return (
    <span class="stat-value">
      {number}
      {unit !== '' && <span class="unit">{unit}</span>}
    </span>
  );
}

/** A bar beside a number that says the same. */
export function Meter({ share }: { share: number }): JSX.Element {
  const percent = `${Math.min(100, Math.max(0, share * 100))}%`;
  return (
    <div class={share > 0.9 ? 'meter full' : 'meter'} aria-hidden="true">
      <div style={{ width: percent }} />
    </div>
  );
}
