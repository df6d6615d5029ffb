import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { alias as aliasId } from '../../protocol/ids.js';
import { api, path, toApiError, type ApiError } from '../lib/api.js';
import { Problem } from './feedback.js';
import { Menu } from './menu.js';

/** Gives a model a name of the Repo, such as "production"; a name that is there moves to it. */
export function PromoteModel(props: {
  repoId: string;
  modelId: string;
  onPromoted: () => void;
}): JSX.Element {
  const { repoId, modelId, onPromoted } = props;
  const [name, setName] = useState('production');
  const [error, setError] = useState<ApiError | null>(null);
  const [done, setDone] = useState('');
  const fault = aliasId.safeParse(name).error?.issues[0]?.message;
  const promote = async (event: Event): Promise<void> => {
    event.preventDefault();
    if (fault !== undefined) return;
    try {
      await api(`${path.repo(repoId)}/aliases/${encodeURIComponent(name)}`, {
        method: 'PUT',
        body: { modelId },
      });
      setError(null);
      setDone(`It is “${name}” now.`);
      onPromoted();
    } catch (cause) {
      setError(toApiError(cause));
    }
  };
  const id = `alias-${modelId}`;
  return (
    <Menu label="Promote" group={path.model(repoId, modelId)}>
      <form onSubmit={(event) => void promote(event)} noValidate>
        <label for={id}>Name</label>
        <input
          id={id}
          value={name}
          maxLength={64}
          aria-invalid={fault !== undefined}
          aria-describedby={`${id}-help`}
          onInput={(event) => setName(event.currentTarget.value)}
        />
        <p class={fault === undefined ? 'help' : 'fault'} id={`${id}-help`}>
          {fault ?? 'Whoever asks for this name gets this model. If another has it, it moves.'}
        </p>
        <button type="submit" class="primary">
          Promote
        </button>
        <p role="status">{done}</p>
        <Problem error={error} />
      </form>
    </Menu>
  );
}
