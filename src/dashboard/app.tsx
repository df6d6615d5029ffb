import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { disconnect } from './lib/live.js';
import { useRoute, type Route } from './lib/route.js';
import { useSignedIn } from './lib/token.js';
import { ComparePage } from './pages/compare.js';
import { ModelsPage } from './pages/models.js';
import { PoolPage } from './pages/pool.js';
import { RepoFrame } from './pages/repo-frame.js';
import { RepoPage } from './pages/repo.js';
import { ReposPage } from './pages/repos.js';
import { SessionPage } from './pages/session.js';
import { SessionsPage } from './pages/sessions.js';
import { SignInPage } from './pages/sign-in.js';
import { SubmitPage } from './pages/submit.js';
import { Header } from './ui/header.js';

export function App(): JSX.Element {
  const signedIn = useSignedIn();
  const route = useRoute();
  useEffect(() => {
    if (signedIn === null) disconnect();
  }, [signedIn]);
  // What it is about first: a tab shows no more.
  const name = [...route.parts].reverse().join(' · ');
  const shown = useRef(name);
  useEffect(() => {
    document.title = name === '' ? 'cloud-node' : `${name} · cloud-node`;
    if (shown.current === name) return;
    shown.current = name;
    window.scrollTo(0, 0);
    // So that a screen reader begins to read here, and Tab goes on from here.
    document.getElementById('main')?.focus({ preventScroll: true });
  }, [name]);
  if (signedIn === null) return <SignInPage />;
  return (
    <>
      <a class="skip" href="#main" onClick={focusMain}>
        Skip to content
      </a>
      <Header signedIn={signedIn} section={route.parts[0] ?? 'pool'} />
      <main id="main" tabIndex={-1}>
        <Page route={route} />
      </main>
    </>
  );
}

function Page({ route }: { route: Route }): JSX.Element {
  const [section = 'pool', repoId, page = 'overview', sessionId] = route.parts;
  if (section === 'pool') return <PoolPage />;
  if (section !== 'repos')
    return (
      <>
        <h1>There is no such page</h1>
        <p class="muted">
          Go to <a href="#/pool">the pool</a> or to <a href="#/repos">the Repos</a>.
        </p>
      </>
    );
  if (repoId === undefined) return <ReposPage />;
  return (
    <RepoFrame key={repoId} repoId={repoId} page={page}>
      {page === 'sessions' && sessionId !== undefined ? (
        <SessionPage key={sessionId} repoId={repoId} sessionId={sessionId} />
      ) : page === 'sessions' ? (
        <SessionsPage repoId={repoId} query={route.query} />
      ) : page === 'compare' ? (
        <ComparePage
          repoId={repoId}
          ids={(route.query.get('ids') ?? '').split(',').filter((id) => id !== '')}
        />
      ) : page === 'models' ? (
        <ModelsPage repoId={repoId} />
      ) : page === 'submit' ? (
        <SubmitPage repoId={repoId} modelId={route.query.get('model') ?? ''} />
      ) : (
        <RepoPage repoId={repoId} />
      )}
    </RepoFrame>
  );
}

/** A fragment is a route here, so the link must not change it. */
function focusMain(event: Event): void {
  event.preventDefault();
  document.getElementById('main')?.focus();
}
