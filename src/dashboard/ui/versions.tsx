import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { SessionView } from '../../protocol/http.js';
import { toApiError, type ApiError } from '../lib/api.js';
import { downloadVersion } from '../lib/download.js';
import { formatBytes, formatCount } from '../lib/format.js';
import { href } from '../lib/route.js';
import { Problem } from './feedback.js';

/** Kept versions of a session; the result is a model of the Repo. */
export function Versions({ session }: { session: SessionView }): JSX.Element {
  const { repoId, keptVersions, resultModelId, best, geometry } = session;
  const [chosen, setChosen] = useState<string | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  const version = chosen ?? String(keptVersions.at(-1) ?? 0);
  const download = async (): Promise<void> => {
    try {
      await downloadVersion(session, Number(version));
      setError(null);
    } catch (cause) {
      setError(toApiError(cause));
    }
  };
  return (
    <>
      {resultModelId !== null && (
        <p>
          The result is model{' '}
          <a class="mono" href={href(['repos', repoId, 'models'])}>
            {resultModelId}
          </a>
          : download it in any format, or promote it, there.
        </p>
      )}
      <div class="inline-form">
        <label for="version">Version</label>
        <select id="version" value={version} onChange={(event) => setChosen(event.currentTarget.value)}>
          {[...keptVersions].reverse().map((one) => (
            <option key={one} value={String(one)}>
              {formatCount(one)}
              {one === 0 ? ' (uploaded)' : ''}
              {best?.version === one ? ' (best)' : ''}
            </option>
          ))}
        </select>
        <button type="button" onClick={() => void download()}>
          Download f32, {formatBytes(4 * geometry.paramCount)}
        </button>
      </div>
      <Problem error={error} />
    </>
  );
}
