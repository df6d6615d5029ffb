import type { JSX } from 'preact';

const PATHS = {
  check: 'M3.5 8.5l3 3 6-7',
  cross: 'M4 4l8 8M12 4l-8 8',
  play: 'M5 3.5v9l7-4.5z',
  pause: 'M5.5 3.5v9M10.5 3.5v9',
  clock: 'M8 4.5V8l2.5 1.5M14 8A6 6 0 1 1 2 8a6 6 0 0 1 12 0z',
  stop: 'M3.8 3.8l8.4 8.4M14 8A6 6 0 1 1 2 8a6 6 0 0 1 12 0z',
  people: 'M8 8a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5zM3 13.5c.5-2.6 2.4-4 5-4s4.500 1.400 5 4',
  alert:
    'M8 5.500v3M8 11h.01M7.200 2.600L1.800 12a1 1 0 0 0 .9 1.500h10.600a1 1 0 0 0 .9-1.500L8.800 2.600a.9.9 0 0 0-1.600 0z',
  down: 'M8 2.500v8M4.500 7.500L8 11l3.500-3.500M3 13.500h10',
  idle: 'M4 8h8',
} as const;
export type IconName = keyof typeof PATHS;

/** Beside words, never in their place: it says nothing to a screen reader. */
export function Icon({ name }: { name: IconName }): JSX.Element {
  return (
    <svg class="icon" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}
