import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { AliasView } from '../../protocol/alias.js';
import type { EvaluationView } from '../../protocol/evaluation.js';
import type { ModelView, SessionView } from '../../protocol/http.js';
import { path } from '../lib/api.js';
import { formatBytes, formatCount, formatDate, formatMetric } from '../lib/format.js';
import { href } from '../lib/route.js';
import { mayWrite } from '../lib/token.js';
import { useApi } from '../lib/use-api.js';
import { DownloadModel } from '../ui/download-model.js';
import { EvaluateForm } from '../ui/evaluate-form.js';
import { Evaluations } from '../ui/evaluations.js';
import { Empty, Loading, Problem } from '../ui/feedback.js';
import { Menu } from '../ui/menu.js';
import { Pager } from '../ui/pager.js';
import { PromoteModel } from '../ui/promote-model.js';
import { UploadModel } from '../ui/upload-model.js';

const PAGE = 20;

export function ModelsPage({ repoId }: { repoId: string }): JSX.Element {
  const url = path.repo(repoId);
  const { data, error, reload } = useApi<{ models: ModelView[] }>(`${url}/models`, { everyMs: 10_000 });
  const aliases = useApi<{ aliases: AliasView[] }>(`${url}/aliases`, { everyMs: 10_000 });
  const scores = useApi<{ evaluations: EvaluationView[] }>(`${url}/evaluations`, { everyMs: 10_000 });
  const [offset, setOffset] = useState(0);
  return (
    <>
      <div class="title-row">
        <h1>Models</h1>
        {mayWrite() && <UploadModel repoId={repoId} onUploaded={reload} />}
      </div>
      <Problem error={error ?? aliases.error ?? scores.error} />
      {data === null && error === null && <Loading />}
      {data !== null && data.models.length === 0 && (
        <Empty title="No model yet.">
          {mayWrite()
            ? 'Upload one here, from Explora, or with cloud-node upload.'
            : 'Whoever has role explora or owner can upload one.'}
        </Empty>
      )}
      <ul class="cards wide">
        {data?.models.slice(offset, offset + PAGE).map((model) => (
          <ModelCard
            key={model.modelId}
            repoId={repoId}
            model={model}
            aliases={(aliases.data?.aliases ?? []).filter(({ modelId }) => modelId === model.modelId)}
            evaluations={(scores.data?.evaluations ?? []).filter(
              ({ sha256 }) => sha256 === model.parameters.sha256,
            )}
            onPromoted={aliases.reload}
            onEvaluated={scores.reload}
          />
        ))}
      </ul>
      <Pager offset={offset} limit={PAGE} total={data?.models.length ?? 0} onChange={setOffset} />
    </>
  );
}

interface ModelCardProps {
  readonly repoId: string;
  readonly model: ModelView;
  readonly aliases: readonly AliasView[];
  readonly evaluations: readonly EvaluationView[];
  readonly onPromoted: () => void;
  readonly onEvaluated: () => void;
}

function ModelCard(props: ModelCardProps): JSX.Element {
  const { repoId, model, aliases, evaluations, onPromoted, onEvaluated } = props;
  const { modelId, name, parameters, tensorCount, createdMs, trainedBy } = model;
  return (
    <li class="card">
      <div class="card-head">
        <h2>{name}</h2>
        {aliases.map(({ alias, setBy, setMs }) => (
          <span key={alias} class="tag" title={`Set by ${setBy}, ${formatDate(setMs)}`}>
            {alias}
          </span>
        ))}
      </div>
      <div class="muted mono small">{modelId}</div>
      <dl class="pairs">
        <div>
          <dt>Parameters</dt>
          <dd>{formatCount(parameters.paramCount)}</dd>
        </div>
        <div>
          <dt>Tensors</dt>
          <dd>{formatCount(tensorCount)}</dd>
        </div>
        <div>
          <dt>f32</dt>
          <dd>{formatBytes(4 * parameters.paramCount)}</dd>
        </div>
        <div>
          <dt>{trainedBy === null ? 'Uploaded' : 'Trained'}</dt>
          <dd>{formatDate(createdMs)}</dd>
        </div>
      </dl>
      {trainedBy !== null && <Trained repoId={repoId} {...trainedBy} />}
      <Evaluations repoId={repoId} evaluations={evaluations} onEnded={onEvaluated} />
      <div class="actions">
        <DownloadModel url={path.model(repoId, modelId)} name={modelId} />
        {mayWrite() && (
          <Menu label="Evaluate" group={path.model(repoId, modelId)}>
            <EvaluateForm
              repoId={repoId}
              model={{ modelId }}
              id={`evaluate-${modelId}`}
              onAsked={onEvaluated}
            />
          </Menu>
        )}
        {mayWrite() && <PromoteModel repoId={repoId} modelId={modelId} onPromoted={onPromoted} />}
        {mayWrite() && (
          <a class="button" href={href(['repos', repoId, 'submit'], { model: modelId })}>
            Train it
          </a>
        )}
      </div>
    </li>
  );
}

/** Where it comes from, and how it was scored there. */
function Trained({
  repoId,
  sessionId,
  version,
}: {
  repoId: string;
  sessionId: string;
  version: number;
}): JSX.Element {
  const { data } = useApi<SessionView>(path.session(repoId, sessionId));
  const score = data?.scores.find((one) => one.version === version)?.metrics;
  const metrics = score ?? data?.history.find((one) => one.round === version)?.metrics ?? {};
  const text = Object.entries(metrics).map(([name, value]) => `${name} ${formatMetric(name, value)}`);
  return (
    <p class="muted card-foot">
      Version {formatCount(version)} of{' '}
      <a href={href(['repos', repoId, 'sessions', sessionId])}>{data?.job.name ?? sessionId}</a>
      {text.length > 0 && ` · ${score === undefined ? 'in training' : 'on the test set'}: ${text.join(', ')}`}
    </p>
  );
}
