import type { ComponentChildren, JSX } from 'preact';
import type { ApiError } from '../lib/api.js';
import { Icon } from './icon.js';

/** Nothing is there yet, and what to do about it. */
export function Empty({ title, children }: { title: string; children?: ComponentChildren }): JSX.Element {
  return (
    <div class="empty">
      <p class="empty-title">{title}</p>
      {children !== undefined && <div class="muted">{children}</div>}
    </div>
  );
}

/** What went wrong, in the pool's words, and its advice. */
export function Problem({ error }: { error: ApiError | null }): JSX.Element | null {
  if (error === null) return null;
  return (
    <div class="problem" role="alert">
      <Icon name="alert" />
      <div>
        <strong>{error.message}</strong>
        <div>{error.advice}</div>
      </div>
    </div>
  );
}

/** While the first answer is on its way. */
export function Loading(): JSX.Element {
  return (
    <p class="loading" role="status">
      Loading…
    </p>
  );
}
