import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { ApiError } from '../lib/api.js';
import { readToken, signIn } from '../lib/token.js';
import { Problem } from '../ui/feedback.js';

export function SignInPage(): JSX.Element {
  const [token, setToken] = useState('');
  const [error, setError] = useState<ApiError | null>(null);
  const [isAsking, setAsking] = useState(false);
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    setAsking(true);
    setError(await tryToken(token));
    setAsking(false);
  };
  return (
    <main class="sign-in">
      <form onSubmit={(event) => void submit(event)} noValidate>
        <span class="brand-mark large" aria-hidden="true" />
        <h1>cloud-node</h1>
        <p class="muted">Sign in to see the pool, its Repos and their sessions.</p>
        <label for="token">Token</label>
        <textarea
          id="token"
          rows={5}
          spellcheck={false}
          autocomplete="off"
          aria-describedby="token-help"
          value={token}
          onInput={(event) => setToken(event.currentTarget.value)}
        />
        <p class="help" id="token-help">
          A JWT of the pool. Make one with <code>npm run cloud-node -- token --role admin</code>, or with{' '}
          <code>--role dashboard --repo …</code> for somebody who only looks. A pool of Compose makes it with{' '}
          <code>docker compose exec gateway node bin/cloud-node.mjs token --role admin</code>. It is kept
          until this tab is closed.
        </p>
        <Problem error={error} />
        <button type="submit" class="primary" disabled={isAsking}>
          {isAsking ? 'Signing in…' : 'Sign in'}
        </button>
      </form>
    </main>
  );
}

/** Signs in when the pool takes the token. */
async function tryToken(token: string): Promise<ApiError | null> {
  const signedIn = readToken(token);
  if (signedIn === null)
    return new ApiError(
      'This is not a token of the pool.',
      'invalid',
      'Paste all of it: three parts with dots between them.',
    );
  try {
    const answer = await fetch('/v1/repos', { headers: { Authorization: `Bearer ${signedIn.token}` } });
    if (answer.ok) {
      signIn(signedIn);
      return null;
    }
    const { error } = (await answer.json()) as { error: { message: string; code: string; advice: string } };
    return new ApiError(error.message, error.code, error.advice);
  } catch {
    return new ApiError('The pool does not answer.', 'unreachable', 'Look whether it runs, then try again.');
  }
}
