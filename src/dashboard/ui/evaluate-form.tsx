import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { EvaluatedModel, EvaluationView } from '../../protocol/evaluation.js';
import type { TestSetRecord } from '../../protocol/model.js';
import { api, path, toApiError, type ApiError } from '../lib/api.js';
import { plural } from '../lib/format.js';
import { useApi } from '../lib/use-api.js';
import { Problem } from './feedback.js';

interface EvaluateFormProps {
  readonly repoId: string;
  readonly model: EvaluatedModel;
  /** Unlike that of other forms of the page. */
  readonly id: string;
  readonly onAsked: () => void;
}

/** Asks for a score of a model on a test set of the Repo. */
export function EvaluateForm({ repoId, model, id, onAsked }: EvaluateFormProps): JSX.Element {
  const { data, error } = useApi<{ testSets: TestSetRecord[] }>(`${path.repo(repoId)}/test-sets`);
  const [chosen, setChosen] = useState<string | null>(null);
  const [loss, setLoss] = useState('');
  const [metrics, setMetrics] = useState('');
  const [refused, setRefused] = useState<ApiError | null>(null);
  const testSets = data?.testSets ?? [];
  const testSetId = chosen ?? (testSets.find((one) => one.testSetId === 'default') ?? testSets[0])?.testSetId;
  const evaluate = async (event: Event): Promise<void> => {
    event.preventDefault();
    const names = metrics.split(',').map((name) => name.trim());
    try {
      await api<EvaluationView>(`${path.repo(repoId)}/evaluations`, {
        method: 'POST',
        body: {
          model,
          testSetId,
          ...(loss.trim() === '' ? {} : { loss: loss.trim() }),
          ...(metrics.trim() === '' ? {} : { metrics: names.filter((name) => name !== '') }),
        },
      });
      setRefused(null);
      onAsked();
    } catch (cause) {
      setRefused(toApiError(cause));
    }
  };
  if (data !== null && testSets.length === 0)
    return (
      <p class="muted">
        This Repo has no test set. Upload one with <code>cloud-node test-set {repoId} default …</code>
      </p>
    );
  return (
    <form onSubmit={(event) => void evaluate(event)} noValidate>
      <label for={`${id}-test-set`}>Test set</label>
      <select
        id={`${id}-test-set`}
        value={testSetId ?? ''}
        onChange={(event) => setChosen(event.currentTarget.value)}
      >
        {testSets.map((one) => (
          <option key={one.testSetId} value={one.testSetId}>
            {one.testSetId}, {plural(one.header.numExamples, 'example')}
          </option>
        ))}
      </select>
      <label for={`${id}-loss`}>Loss</label>
      <input
        id={`${id}-loss`}
        value={loss}
        placeholder="as it was trained"
        autocomplete="off"
        aria-describedby={`${id}-help`}
        onInput={(event) => setLoss(event.currentTarget.value)}
      />
      <label for={`${id}-metrics`}>Metrics</label>
      <input
        id={`${id}-metrics`}
        value={metrics}
        placeholder="as it was trained"
        autocomplete="off"
        aria-describedby={`${id}-help`}
        onInput={(event) => setMetrics(event.currentTarget.value)}
      />
      <p class="help" id={`${id}-help`}>
        Names of TensorFlow.js, metrics with commas. Left empty: those of the session that trained it, else
        categoricalCrossentropy and accuracy.
      </p>
      <button type="submit" class="primary" disabled={testSetId === undefined}>
        Evaluate
      </button>
      <Problem error={refused ?? error} />
    </form>
  );
}
