import type { ComponentChildren, JSX } from 'preact';
import { mayWrite } from '../lib/token.js';
import { href } from '../lib/route.js';

const PAGES = [
  { page: 'overview', label: 'Overview' },
  { page: 'sessions', label: 'Sessions' },
  { page: 'models', label: 'Models' },
  { page: 'submit', label: 'Submit a job' },
] as const;

/** What all pages of a Repo have in common. */
export function RepoFrame({
  repoId,
  page,
  children,
}: {
  repoId: string;
  page: string;
  children: ComponentChildren;
}): JSX.Element {
  const current = page === 'compare' ? 'sessions' : page;
  const shown = PAGES.filter((one) => one.page !== 'submit' || mayWrite());
  return (
    <>
      <div class="crumbs">
        <a href="#/repos">Repos</a>
        <span aria-hidden="true">/</span>
        <a href={href(['repos', repoId])}>{repoId}</a>
      </div>
      <nav class="tabs" aria-label="Repo">
        {shown.map(({ page: name, label }) => (
          <a
            key={name}
            href={href(name === 'overview' ? ['repos', repoId] : ['repos', repoId, name])}
            {...(current === name ? { 'aria-current': 'page' as const } : {})}
          >
            {label}
          </a>
        ))}
      </nav>
      {children}
    </>
  );
}
