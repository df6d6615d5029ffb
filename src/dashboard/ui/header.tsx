import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { formatDate, plural } from '../lib/format.js';
import { useLiveState } from '../lib/live.js';
import { signOut, type SignedIn } from '../lib/token.js';

const NAMES = { live: 'Live', connecting: 'Connecting…', reconnecting: 'Reconnecting…' } as const;
const SOON_MS = 15 * 60_000;

export function Header({ signedIn, section }: { signedIn: SignedIn; section: string }): JSX.Element {
  const live = useLiveState();
  const link = (name: string, label: string): JSX.Element => (
    <a href={`#/${name}`} {...(section === name ? { 'aria-current': 'page' as const } : {})}>
      {label}
    </a>
  );
  return (
    <header class="top">
      <a class="brand" href="#/pool">
        <span class="brand-mark" aria-hidden="true" />
        cloud-node
      </a>
      <nav aria-label="Main">
        {link('pool', 'Pool')}
        {link('repos', 'Repos')}
      </nav>
      <div class="top-end">
        <span class={`live ${live}`} role="status">
          <span class="dot" aria-hidden="true" />
          {NAMES[live]}
        </span>
        <Expiry signedIn={signedIn} />
        <button type="button" class="plain" onClick={signOut}>
          Sign out
        </button>
      </div>
    </header>
  );
}

/** Who is signed in and until when; signs out at the end of the token. */
function Expiry({ signedIn: { claims } }: { signedIn: SignedIn }): JSX.Element {
  const [nowMs, setNowMs] = useState(Date.now());
  const leftMs = claims.exp * 1000 - nowMs;
  useEffect(() => {
    const timer = setInterval(() => {
      setNowMs(Date.now());
      if (Date.now() > claims.exp * 1000) signOut();
    }, 5_000);
    return () => clearInterval(timer);
  }, [claims]);
  return (
    <span class="who" title={`The token ends ${formatDate(claims.exp * 1000)}`}>
      {claims.sub} · {claims.role} ·{' '}
      <span class={leftMs < SOON_MS ? 'soon' : ''}>
        {leftMs < 3_600_000
          ? plural(Math.ceil(leftMs / 60_000), 'minute')
          : plural(Math.floor(leftMs / 3_600_000), 'hour')}{' '}
        left
      </span>
    </span>
  );
}
