import type { JSX } from 'preact';
import { Icon, type IconName } from './icon.js';

type Tone = 'good' | 'bad' | 'busy' | 'wait' | 'quiet';

const STATES: Readonly<Record<string, { icon: IconName; tone: Tone }>> = {
  queued: { icon: 'clock', tone: 'wait' },
  recruiting: { icon: 'people', tone: 'wait' },
  running: { icon: 'play', tone: 'busy' },
  paused: { icon: 'pause', tone: 'wait' },
  completed: { icon: 'check', tone: 'good' },
  failed: { icon: 'cross', tone: 'bad' },
  cancelled: { icon: 'stop', tone: 'quiet' },
  busy: { icon: 'play', tone: 'busy' },
  idle: { icon: 'idle', tone: 'quiet' },
};

/** A state by word, shape and colour: any one of them is enough. */
export function Badge({ state }: { state: string }): JSX.Element {
  const { icon, tone } = STATES[state] ?? { icon: 'idle', tone: 'quiet' };
  return (
    <span class={`badge ${tone}`}>
      <Icon name={icon} />
      {state}
    </span>
  );
}

export function stateOf({ state, pausedUntilMs }: { state: string; pausedUntilMs?: number | null }): string {
  return pausedUntilMs != null ? 'paused' : state;
}
