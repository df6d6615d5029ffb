import type { JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import type { EvaluationView } from '../../protocol/evaluation.js';
import type { PoolStatus } from '../../protocol/http.js';
import { path } from '../lib/api.js';
import { formatCount, formatDate, formatMetric } from '../lib/format.js';
import { useApi } from '../lib/use-api.js';
import { Icon } from './icon.js';

const LOOK_MS = 1_000;

interface EvaluationsProps {
  readonly repoId: string;
  readonly evaluations: readonly EvaluationView[];
  readonly onEnded: () => void;
}

/** Scores that were asked for, each as soon as it is there. */
export function Evaluations({ repoId, evaluations, onEnded }: EvaluationsProps): JSX.Element | null {
  if (evaluations.length === 0) return null;
  return (
    <ul class="evaluations" aria-label="Evaluations">
      {evaluations.map((evaluation) => (
        <li key={evaluation.evaluationId}>
          {evaluation.state === 'waiting' ? (
            <Waiting repoId={repoId} evaluation={evaluation} onEnded={onEnded} />
          ) : (
            <Ended evaluation={evaluation} />
          )}
        </li>
      ))}
    </ul>
  );
}

function Ended({ evaluation }: { evaluation: EvaluationView }): JSX.Element {
  const { state, result, reason, endedMs } = evaluation;
  const scores = Object.entries(result ?? {}).map(([name, value]) => `${name} ${formatMetric(name, value)}`);
  return (
    <>
      <Icon name={state === 'done' ? 'check' : 'cross'} />
      <span>
        <What evaluation={evaluation} />{' '}
        {state === 'done' ? <b>{scores.join(', ')}</b> : <span class="fault">failed: {reason}</span>}
        {endedMs !== null && <span class="muted"> · {formatDate(endedMs)}</span>}
      </span>
    </>
  );
}

/** Asks for this one alone, until it is done. */
function Waiting(props: { repoId: string; evaluation: EvaluationView; onEnded: () => void }): JSX.Element {
  const { repoId, evaluation, onEnded } = props;
  const { data } = useApi<EvaluationView>(`${path.repo(repoId)}/evaluations/${evaluation.evaluationId}`, {
    everyMs: LOOK_MS,
  });
  const { data: pool } = useApi<PoolStatus>('/v1/pool', { everyMs: 5 * LOOK_MS });
  const hasEnded = data !== null && data.state !== 'waiting';
  useEffect(() => {
    if (hasEnded) onEnded();
  }, [hasEnded]);
  if (hasEnded) return <Ended evaluation={data} />;
  const isAlone = pool !== null && !pool.nodes.some(({ role }) => role === 'evaluator');
  return (
    <>
      <Icon name="clock" />
      <span role="status">
        <What evaluation={evaluation} />{' '}
        <span class="muted">
          {isAlone ? 'waits: no evaluator runs (cloud-node evaluator)' : 'is being scored…'}
        </span>
      </span>
    </>
  );
}

function What({ evaluation: { testSetId, version } }: { evaluation: EvaluationView }): JSX.Element {
  return (
    <>
      {version !== null && `Version ${formatCount(version.version)} on `}
      <span class="mono">{testSetId}</span>:
    </>
  );
}
