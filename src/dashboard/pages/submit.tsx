import type { JSX } from 'preact';
import { useMemo, useRef, useState } from 'preact/hooks';
import type { ModelView, SessionView } from '../../protocol/http.js';
import { api, path, toApiError, type ApiError } from '../lib/api.js';
import { jobFaults, jobFields, jobOf, refusedFields, valuesOf } from '../lib/job-fields.js';
import { href } from '../lib/route.js';
import { mayWrite } from '../lib/token.js';
import type { UploadedModel } from '../lib/upload.js';
import { useApi } from '../lib/use-api.js';
import { Empty, Problem } from '../ui/feedback.js';
import { JobFieldInput } from '../ui/job-field.js';
import { UploadModel } from '../ui/upload-model.js';

/** What nearly every job says something about; the rest has defaults that mostly fit. */
const BASIC = [
  'name',
  'modelId',
  'datasetId',
  'hyperparams.batchSize',
  'hyperparams.epochs',
  'hyperparams.optimizer.type',
  'hyperparams.optimizer.learningRate',
  'hyperparams.loss',
  'selection.goal',
  'termination.maxRounds',
];
const GROUPS: Readonly<Record<string, string>> = {
  hyperparams: 'Local training',
  selection: 'Who takes part',
  continuation: 'When a round closes',
  deadlines: 'Deadlines',
  termination: 'When the session ends',
  strategy: 'Aggregation',
  privacy: 'Privacy',
  evaluation: 'Evaluation',
  update: 'Updates',
  '': 'Versions',
};

export function SubmitPage({ repoId, modelId }: { repoId: string; modelId: string }): JSX.Element {
  const fields = useMemo(jobFields, []);
  const { data: models, reload } = useApi<{ models: ModelView[] }>(`${path.repo(repoId)}/models`);
  const [values, setValues] = useState<Readonly<Record<string, string>>>({ modelId });
  const [touched, setTouched] = useState<ReadonlySet<string>>(new Set());
  const [refused, setRefused] = useState<{ error: ApiError; fields: ReadonlyMap<string, string> } | null>(
    null,
  );
  const [isSending, setSending] = useState(false);
  const form = useRef<HTMLFormElement>(null);
  if (!mayWrite())
    return (
      <Empty title="Your role only looks.">
        Submitting needs a token with role explora, owner or admin for this Repo.
      </Empty>
    );
  const job = jobOf(values, fields);
  const faults = jobFaults(job);
  const faultOf = (name: string): string | undefined =>
    refused?.fields.get(name) ?? (touched.has(name) ? faults.get(name) : undefined);
  const set = (name: string, value: string): void => {
    setValues((now) => ({ ...now, [name]: value }));
    setRefused(null);
  };
  const take = ({ modelId: id, keras }: UploadedModel): void => {
    reload();
    // How it was compiled, where nobody has said otherwise.
    const compiled = valuesOf({ hyperparams: keras?.training ?? {} });
    const typed = Object.entries(values).filter(([, text]) => text.trim() !== '');
    setValues({ ...compiled, ...Object.fromEntries(typed), modelId: id });
    setRefused(null);
  };
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    setTouched(new Set(fields.map((field) => field.path)));
    if (faults.size > 0) {
      focusFirstFault(form.current, [...faults.keys()]);
      return;
    }
    setSending(true);
    try {
      const { sessionId } = await api<SessionView>(`${path.repo(repoId)}/sessions`, {
        method: 'POST',
        body: job,
      });
      location.hash = href(['repos', repoId, 'sessions', sessionId]);
    } catch (cause) {
      const error = toApiError(cause);
      const named = refusedFields(error.message);
      setRefused({ error, fields: named });
      focusFirstFault(form.current, [...named.keys()]);
    }
    setSending(false);
  };
  const input = (name: string): JSX.Element | null => {
    const field = fields.find((one) => one.path === name);
    if (field === undefined) return null;
    return (
      <JobFieldInput
        key={name}
        field={field}
        value={values[name] ?? ''}
        fault={faultOf(name)}
        options={name === 'modelId' ? modelOptions(models?.models ?? [], values['modelId'] ?? '') : undefined}
        onChange={(value) => set(name, value)}
        onLeave={() => setTouched((now) => new Set([...now, name]))}
      />
    );
  };
  return (
    <form class="job" ref={form} onSubmit={(event) => void submit(event)} noValidate>
      <div class="title-row">
        <h1>Submit a job</h1>
      </div>
      <p class="muted lead">
        Only the model and the batch size are required. A field left empty gets the default that it shows.
      </p>
      <fieldset>
        <legend>The job</legend>
        <div class="fieldset-lead">
          <UploadModel repoId={repoId} onUploaded={take} />
        </div>
        <div class="fields">{BASIC.map(input)}</div>
      </fieldset>
      {Object.entries(GROUPS).map(([group, title]) => {
        const rest = fields.filter((field) => field.group === group && !BASIC.includes(field.path));
        const hasFault = rest.some((field) => faultOf(field.path) !== undefined);
        return (
          <details key={group} class="group" {...(hasFault ? { open: true } : {})}>
            <summary>
              {title}{' '}
              <span class="muted">
                {rest.length} {rest.length === 1 ? 'field' : 'fields'}
              </span>
            </summary>
            <div class="fields">{rest.map((field) => input(field.path))}</div>
          </details>
        );
      })}
      <details class="group">
        <summary>
          As JSON <span class="muted">for Explora and the command line</span>
        </summary>
        <pre tabIndex={0}>{JSON.stringify(job, null, 2)}</pre>
      </details>
      <Problem error={refused?.error ?? null} />
      <div class="actions sticky">
        <button type="submit" class="primary" disabled={isSending}>
          {isSending ? 'Submitting…' : 'Submit the job'}
        </button>
        <span class="fault" role="status">
          {touched.size > 1 && faults.size > 0
            ? `${faults.size} ${faults.size === 1 ? 'field needs' : 'fields need'} a look`
            : ''}
        </span>
      </div>
    </form>
  );
}

/** What is chosen is there from the beginning, also before the pool has said what models there are. */
function modelOptions(models: readonly ModelView[], chosen: string): { value: string; label: string }[] {
  const options = models.map(({ modelId, name }) => ({ value: modelId, label: `${name} (${modelId})` }));
  const isKnown = chosen === '' || models.some(({ modelId }) => modelId === chosen);
  return isKnown ? options : [{ value: chosen, label: chosen }, ...options];
}

function focusFirstFault(form: HTMLFormElement | null, paths: readonly string[]): void {
  // After the groups with faults have opened.
  setTimeout(() => {
    const all = [...(form?.querySelectorAll<HTMLElement>('[data-path]') ?? [])];
    all.find((element) => paths.includes(element.dataset['path'] ?? ''))?.focus();
  }, 0);
}
