import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { EvaluationView } from '../../protocol/evaluation.js';
import type { SessionView } from '../../protocol/http.js';
import { path } from '../lib/api.js';
import { MODEL_FORMATS, TFJS } from '../lib/download.js';
import { formatCount } from '../lib/format.js';
import { href } from '../lib/route.js';
import { mayWrite } from '../lib/token.js';
import { useApi } from '../lib/use-api.js';
import { DownloadModel } from './download-model.js';
import { EvaluateForm } from './evaluate-form.js';
import { Evaluations } from './evaluations.js';
import { Menu } from './menu.js';

const FORMATS = MODEL_FORMATS.filter(({ id }) => id !== TFJS);

/** Kept versions of a session; the result is a model of the Repo. */
export function Versions({ session }: { session: SessionView }): JSX.Element {
  const { repoId, sessionId, keptVersions, resultModelId, best } = session;
  const [chosen, setChosen] = useState<string | null>(null);
  const { data, reload } = useApi<{ evaluations: EvaluationView[] }>(`${path.repo(repoId)}/evaluations`);
  const newest = keptVersions.at(-1) ?? 0;
  // What was chosen may not be kept any more.
  const version = keptVersions.includes(Number(chosen ?? NaN)) ? Number(chosen) : newest;
  const name = `${sessionId}-${version}`;
  const url = `${path.session(repoId, sessionId)}/versions/${version}`;
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
        <select
          id="version"
          value={String(version)}
          onChange={(event) => setChosen(event.currentTarget.value)}
        >
          {[...keptVersions].reverse().map((one) => (
            <option key={one} value={String(one)}>
              {formatCount(one)}
              {one === 0 ? ' (uploaded)' : ''}
              {best?.version === one ? ' (best)' : ''}
            </option>
          ))}
        </select>
      </div>
      <div class="actions version-actions">
        <DownloadModel url={url} name={name} formats={FORMATS} />
        {mayWrite() && (
          <Menu label="Evaluate" group={url}>
            <EvaluateForm repoId={repoId} model={{ sessionId, version }} id="evaluate" onAsked={reload} />
          </Menu>
        )}
      </div>
      <Evaluations
        repoId={repoId}
        evaluations={ofSession(session, data?.evaluations ?? [])}
        onEnded={reload}
      />
    </>
  );
}

/** Of its versions, also those that were asked for as the model that came of one. */
function ofSession(
  { sessionId, history }: SessionView,
  evaluations: readonly EvaluationView[],
): EvaluationView[] {
  return evaluations.flatMap((one) => {
    if (one.version?.sessionId === sessionId) return [one];
    const round = history.find(({ sha256 }) => sha256 === one.sha256)?.round;
    return round === undefined ? [] : [{ ...one, version: { sessionId, version: round } }];
  });
}
